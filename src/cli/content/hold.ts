import { firstHold } from '../../registry/holds.ts';
import { readExpiry } from '../accounts/expiry-option.ts';
import { readAllPages } from '../accounts/read-pages.ts';
import { UsageError } from '../program/command.ts';
import { printRecords, printValue, time } from '../program/output.ts';
import { readRepository } from '../program/read-names.ts';
import { contentCommand, readReference } from './content-command.ts';

/** `berth hold add` */
export const addHold = contentCommand(async (invocation) => {
  const { holds, operands, options, author } = invocation;
  const { repository, reference } = readReference(operands[0] ?? '');
  if (typeof options['reason'] !== 'string') throw new UsageError('missing --reason TEXT');
  const digest = await holds.add(repository, reference, {
    reason: options['reason'],
    until: readExpiry(invocation, 'until'),
    author,
  });
  printValue(invocation, `${repository}@${digest} is on hold`, { repository, digest });
});

/** `berth hold list` */
export const listHolds = contentCommand(async (invocation) => {
  const repository = readRepository(invocation.operands[0]);
  const found = await readAllPages(
    firstHold,
    (after, size) => invocation.holds.list(repository, after, size),
    (hold) => hold,
  );
  const records = found.map(({ repository: name, digest, reason, actor, createdAt, until }) => {
    return { repository: name, digest, reason, actor: actor || null, createdAt: time(createdAt), until: time(until) };
  });
  const columns = {
    REPOSITORY: 'repository',
    DIGEST: 'digest',
    REASON: 'reason',
    BY: 'actor',
    CREATED: 'createdAt',
    UNTIL: 'until',
  } as const;
  printRecords(invocation, columns, records);
});

/** `berth hold remove` */
export const removeHold = contentCommand(async (invocation) => {
  const { repository, reference } = readReference(invocation.operands[0] ?? '');
  const digest = await invocation.holds.remove(repository, reference, invocation.author);
  printValue(invocation, `${repository}@${digest} is not on hold any more`, { repository, digest });
});
