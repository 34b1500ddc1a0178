import { type Administrating, administrating, everything, expiry, pageSize, printTable, time } from './admin-command.ts';
import type { Command } from './command.ts';

/** `berth robot …`: programs. */
export const robotCommands: readonly Command[] = [
  administrating(
    'robot add',
    'NAME [GRANT...]',
    "create a robot, as in: robot add ci 'team-a/*:pull,push'; prints its secret",
    add,
    {
      expires: { type: 'string' },
    },
  ),
  administrating('robot list', '', 'list robots', list),
  administrating(
    'robot remove',
    'NAME',
    'delete a robot with its secrets and grants',
    ({ administration, operands: [name = ''] }) => administration.deleteAccount(name),
  ),
];

async function add(work: Administrating): Promise<void> {
  const [name = '', ...grants] = work.operands;
  const { secret } = await work.administration.createRobot({ name, grants, expiresAt: expiry(work) });
  work.print(secret);
}

async function list(work: Administrating): Promise<void> {
  const robots = await everything(
    '',
    (after) => work.metadata.listAccounts('robot', after, pageSize),
    ({ name }) => name,
  );
  const rows = robots.map(({ name, isDisabled, expiresAt }) => [name, isDisabled ? 'disabled' : 'enabled', time(expiresAt)]);
  printTable(work, [['NAME', 'STATE', 'EXPIRES'], ...rows]);
}
