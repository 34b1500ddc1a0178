import type { Command, CommandGroup, Option } from '../../program/command.ts';

const passwordStdin: Option = ['--password-stdin', 'read the password from standard input instead of generating one'];

/** `berth user …` */
export const user: CommandGroup = {
  name: 'user',
  summary: 'manage users',
  commands: [
    {
      name: 'add',
      summary: 'create a user and print its generated password',
      arguments: [['NAME', 'name of the user']],
      options: [passwordStdin, ['--admin', 'make the user an admin']],
      printsData: true,
      load: async () => (await import('../user.ts')).addUser,
    },
    { name: 'list', summary: 'list the users', printsData: true, load: async () => (await import('../user.ts')).listUsers },
    {
      name: 'password',
      summary: 'change a password and end the sessions that used the old one',
      arguments: [['NAME', 'name of the user']],
      options: [passwordStdin],
      printsData: true,
      load: async () => (await import('../user-password.ts')).changePassword,
    },
    accountCommand('disable', 'reject the logins of a user or robot', async () => (await import('../user.ts')).disable),
    accountCommand('enable', 'accept the logins of a user or robot again', async () => (await import('../user.ts')).enable),
    accountCommand('promote', 'make a user an admin', async () => (await import('../user.ts')).promote),
    accountCommand('demote', 'make an admin an ordinary user', async () => (await import('../user.ts')).demote),
    accountCommand('remove', 'delete a user with its tokens and grants', async () => (await import('../user.ts')).removeAccount),
    {
      name: 'import',
      summary: 'create the users of an htpasswd file',
      arguments: [['FILE', 'htpasswd file with bcrypt hashes']],
      printsData: true,
      load: async () => (await import('../import-users.ts')).importUsers,
    },
  ],
};

/** Makes a command whose one argument is an account. */
export function accountCommand(name: string, summary: string, load: Command['load']): Command {
  return { name, summary, arguments: [['NAME', 'name of the account']], load };
}
