import { type Administrating, administrating, everything, pageSize, printTable } from './admin-command.ts';
import { type Command, UsageError } from './command.ts';

/** `berth grant …`: who may do what, where. */
export const grantCommands: readonly Command[] = [
  administrating(
    'grant add',
    'SUBJECT PATTERN ACTIONS',
    "as in: grant add team:devs 'team-a/*' pull,push (user:, robot:, team:, authenticated, anonymous; pull, add, push, delete, admin)",
    ({ administration, operands: [subject = '', pattern = '', actions = ''] }) =>
      administration.grant(subject, pattern, actions).then(() => undefined),
  ),
  administrating('grant list', '', 'list grants', list),
  administrating('grant remove', 'ID', 'take a grant back', remove),
];

async function list(work: Administrating): Promise<void> {
  const grants = await everything(
    0,
    (after) => work.metadata.listGrants(undefined, after, pageSize),
    ({ id }) => id,
  );
  const rows = grants.map(({ id, subjectName, pattern, actions }) => [String(id), subjectName, pattern, actions]);
  printTable(work, [['ID', 'SUBJECT', 'PATTERN', 'ACTIONS'], ...rows]);
}

async function remove({ administration, operands: [id = ''] }: Administrating): Promise<void> {
  if (!/^\d{1,15}$/.test(id)) throw new UsageError(`${id} is not the number of a grant: see berth grant list`);
  await administration.revokeGrant(Number(id));
}
