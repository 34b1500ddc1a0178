import { UsageError } from '../program/command.ts';
import { printRecords } from '../program/output.ts';
import { adminCommand } from './admin-command.ts';
import { readAllPages } from './read-pages.ts';

/** `berth grant add` */
export const addGrant = adminCommand(({ administration, operands: [subject = '', pattern = '', actions = ''] }) =>
  administration.grant(subject, pattern, actions),
);

/** `berth grant list` */
export const listGrants = adminCommand(async (invocation) => {
  const grants = await readAllPages(
    0,
    (after, size) => invocation.metadata.grants.list(undefined, after, size),
    ({ id }) => id,
  );
  const records = grants.map(({ id, subjectName, pattern, actions }) => ({ id, subject: subjectName, pattern, actions }));
  printRecords(invocation, { ID: 'id', SUBJECT: 'subject', PATTERN: 'pattern', ACTIONS: 'actions' }, records);
});

/** `berth grant remove` */
export const removeGrant = adminCommand(async ({ administration, operands: [id = ''] }) => {
  if (!/^\d{1,15}$/.test(id)) throw new UsageError(`${id} is not the id of a grant: see berth grant list`);
  await administration.revokeGrant(Number(id));
});
