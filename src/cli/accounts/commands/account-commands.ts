import type { Command, CommandGroup } from '../../program/command.ts';
import { explain, grant } from './grant-commands.ts';
import { namespace, repo } from './repository-commands.ts';
import { robot } from './robot-commands.ts';
import { team } from './team-commands.ts';
import { token } from './token-commands.ts';
import { user } from './user-commands.ts';

const key: CommandGroup = {
  name: 'key',
  summary: 'manage the keys that sign bearer tokens',
  commands: [
    {
      name: 'rotate',
      summary: 'sign with a new key from now on; clients stay logged in',
      load: async () => (await import('../key.ts')).rotateKey,
    },
  ],
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
  load: async () => (await import('../audit.ts')).printAuditLog,
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
