import type { Command, CommandGroup, Option } from '../program/command.ts';

const expires: Option = ['--expires <DURATION>', 'end of validity, such as 90d; default: never'];
const passwordStdin: Option = ['--password-stdin', 'read the password from standard input instead of generating one'];

const user: CommandGroup = {
  name: 'user',
  summary: 'manage users',
  commands: [
    {
      name: 'add',
      summary: 'create a user and print its generated password',
      arguments: [['NAME', 'name of the user']],
      options: [passwordStdin, ['--admin', 'make the user an admin']],
      printsData: true,
      load: async () => (await import('./user.ts')).addUser,
    },
    { name: 'list', summary: 'list the users', printsData: true, load: async () => (await import('./user.ts')).listUsers },
    {
      name: 'password',
      summary: 'change a password and end the sessions that used the old one',
      arguments: [['NAME', 'name of the user']],
      options: [passwordStdin],
      printsData: true,
      load: async () => (await import('./user.ts')).changePassword,
    },
    accountCommand('disable', 'reject the logins of a user or robot', async () => (await import('./user.ts')).disable),
    accountCommand('enable', 'accept the logins of a user or robot again', async () => (await import('./user.ts')).enable),
    accountCommand('promote', 'make a user an admin', async () => (await import('./user.ts')).promote),
    accountCommand('demote', 'make an admin an ordinary user', async () => (await import('./user.ts')).demote),
    accountCommand('remove', 'delete a user with its tokens and grants', async () => (await import('./user.ts')).removeAccount),
    {
      name: 'import',
      summary: 'create the users of an htpasswd file',
      arguments: [['FILE', 'htpasswd file with bcrypt hashes']],
      printsData: true,
      load: async () => (await import('./user.ts')).importUsers,
    },
  ],
};

function accountCommand(name: string, summary: string, load: Command['load']): Command {
  return { name, summary, arguments: [['NAME', 'name of the account']], load };
}

const robot: CommandGroup = {
  name: 'robot',
  summary: 'manage robots, the accounts of programs',
  commands: [
    {
      name: 'add',
      summary: "create a robot and print its secret, such as: robot add ci 'team-a/*:pull,push'",
      arguments: [
        ['NAME', 'name of the robot'],
        ['[GRANT...]', 'PATTERN:ACTIONS that the robot may do; actions: pull, add, push, delete, admin'],
      ],
      options: [expires],
      printsData: true,
      load: async () => (await import('./robot.ts')).addRobot,
    },
    { name: 'list', summary: 'list the robots', printsData: true, load: async () => (await import('./robot.ts')).listRobots },
    {
      name: 'expiry',
      summary: 'change when a robot and its secret expire, such as: robot expiry ci --expires 90d',
      arguments: [['NAME', 'name of the robot']],
      options: [expires],
      load: async () => (await import('./robot.ts')).setExpiry,
    },
    accountCommand('remove', 'delete a robot with its secrets and grants', async () => (await import('./user.ts')).removeAccount),
  ],
};

const token: CommandGroup = {
  name: 'token',
  summary: 'manage access tokens',
  commands: [
    {
      name: 'add',
      summary: 'create an access token and print it',
      arguments: [
        ['ACCOUNT', 'account that the token logs in'],
        ['NAME', 'label of the token'],
        ['[SCOPE...]', "PATTERN:ACTIONS that limit the token, such as 'team-a/*:pull'; default: all rights of the account"],
      ],
      options: [expires],
      printsData: true,
      load: async () => (await import('./token.ts')).addToken,
    },
    {
      name: 'list',
      summary: 'list the tokens of an account',
      arguments: [['ACCOUNT', 'name of the account']],
      printsData: true,
      load: async () => (await import('./token.ts')).listTokens,
    },
    {
      name: 'revoke',
      summary: 'revoke a token and end its sessions',
      arguments: [
        ['ACCOUNT', 'name of the account'],
        ['ID', 'id of the token, as berth token list prints it'],
      ],
      load: async () => (await import('./token.ts')).revokeToken,
    },
  ],
};

const teamName = ['NAME', 'name of the team'] as const;
const membership = [
  ['TEAM', 'name of the team'],
  ['ACCOUNT', 'name of the account'],
] as const;

const team: CommandGroup = {
  name: 'team',
  summary: 'manage teams and their members',
  commands: [
    { name: 'add', summary: 'create a team', arguments: [teamName], load: async () => (await import('./team.ts')).addTeam },
    { name: 'list', summary: 'list the teams', printsData: true, load: async () => (await import('./team.ts')).listTeams },
    {
      name: 'members',
      summary: 'list the members of a team',
      arguments: [teamName],
      printsData: true,
      load: async () => (await import('./team.ts')).listMembers,
    },
    {
      name: 'join',
      summary: 'add an account to a team',
      arguments: membership,
      load: async () => (await import('./team.ts')).joinTeam,
    },
    {
      name: 'leave',
      summary: 'remove an account from a team',
      arguments: membership,
      load: async () => (await import('./team.ts')).leaveTeam,
    },
    {
      name: 'remove',
      summary: 'delete a team with its grants',
      arguments: [teamName],
      load: async () => (await import('./team.ts')).removeTeam,
    },
  ],
};

const grant: CommandGroup = {
  name: 'grant',
  summary: 'manage the rights of users, robots and teams',
  commands: [
    {
      name: 'add',
      summary: "grant actions, such as: grant add team:devs 'team-a/*' pull,push",
      arguments: [
        ['SUBJECT', 'user:NAME, robot:NAME, team:NAME, authenticated or anonymous'],
        ['PATTERN', "repositories, such as 'team-a/*'"],
        ['ACTIONS', 'pull, add, push, delete and admin, separated by commas'],
      ],
      load: async () => (await import('./grant.ts')).addGrant,
    },
    { name: 'list', summary: 'list the grants', printsData: true, load: async () => (await import('./grant.ts')).listGrants },
    {
      name: 'remove',
      summary: 'revoke a grant',
      arguments: [['ID', 'id of the grant, as berth grant list prints it']],
      load: async () => (await import('./grant.ts')).removeGrant,
    },
  ],
};

const namespace: CommandGroup = {
  name: 'namespace',
  summary: 'manage the namespaces of users',
  commands: [
    {
      name: 'list',
      summary: 'list the namespaces of users and of deleted accounts',
      printsData: true,
      load: async () => (await import('./namespace.ts')).listNamespaces,
    },
    {
      name: 'release',
      summary: 'give the namespace of a deleted account to the account that now has its name',
      arguments: [['NAME', 'name of the deleted account']],
      printsData: true,
      load: async () => (await import('./namespace.ts')).releaseNamespace,
    },
  ],
};

const pattern = [['PATTERN', "repository or pattern, such as 'free/**'"]] as const;

const repo: CommandGroup = {
  name: 'repo',
  summary: 'manage the visibility of repositories',
  commands: [
    {
      name: 'public',
      summary: 'let every client pull without a login',
      arguments: pattern,
      load: async () => (await import('./repo.ts')).makePublic,
    },
    {
      name: 'private',
      summary: 'require a grant to pull (the default)',
      arguments: pattern,
      load: async () => (await import('./repo.ts')).makePrivate,
    },
    {
      name: 'default',
      summary: 'remove the rule of a repository or pattern',
      arguments: pattern,
      load: async () => (await import('./repo.ts')).removeRule,
    },
    {
      name: 'list',
      summary: 'list the visibility rules',
      printsData: true,
      load: async () => (await import('./repo.ts')).listRules,
    },
  ],
};

const key: CommandGroup = {
  name: 'key',
  summary: 'manage the keys that sign bearer tokens',
  commands: [
    {
      name: 'rotate',
      summary: 'sign with a new key from now on; clients stay logged in',
      load: async () => (await import('./key.ts')).rotateKey,
    },
  ],
};

const explain: Command = {
  name: 'explain',
  summary: 'show what an account may do in a repository, and why',
  arguments: [
    ['ACCOUNT', 'name of a user or robot; anonymous: clients without a login'],
    ['REPOSITORY', 'name of the repository'],
  ],
  printsData: true,
  load: async () => (await import('./explain.ts')).explainAccess,
};

const audit: Command = {
  name: 'audit',
  summary: 'print the audit log, newest entry first',
  options: [
    ['--actor <NAME>', 'only changes by this account'],
    ['--target <NAME>', 'only changes to this account, team or repository'],
    ['--limit <NUMBER>', 'most entries, 1 to 999999; default: 50'],
  ],
  printsData: true,
  load: async () => (await import('./audit.ts')).printAuditLog,
};

/** The commands that work on accounts and their rights, also beside a running server. */
export const accountCommands: readonly (Command | CommandGroup)[] = [
  user,
  robot,
  token,
  team,
  grant,
  namespace,
  repo,
  explain,
  key,
  audit,
];
