import { parseDigest } from '../../oci/digest.ts';
import type { RepositoryName, Tag } from '../../oci/reference.ts';
import { UsageError } from '../program/command.ts';
import { printRecords, printValue, time } from '../program/output.ts';
import { contentCommand, readReference } from './content-command.ts';

function readTag(text: string): { readonly repository: RepositoryName; readonly tag: Tag } {
  const { repository, reference } = readReference(text);
  if (reference.tag === undefined) throw new UsageError(`${text} does not name a tag`);
  return { repository, tag: reference.tag };
}

const defaultLimit = '100';

/** `berth tag history` */
export const listTagHistory = contentCommand(async (invocation) => {
  const { repository, tag } = readTag(invocation.operands[0] ?? '');
  const { limit = defaultLimit } = invocation.options;
  if (!/^[1-9]\d{0,5}$/.test(String(limit))) throw new UsageError('--limit must be a number from 1 to 999999');
  const moves = await invocation.tagHistory.list(repository, tag, Number.MAX_SAFE_INTEGER, Number(limit));
  const records = moves.map(({ at, from, to, actor, reason }) => {
    return { at: time(at), from, to, actor: actor || null, reason: reason || null };
  });
  printRecords(invocation, { TIME: 'at', FROM: 'from', TO: 'to', BY: 'actor', REASON: 'reason' }, records);
});

/** `berth tag restore` */
export const restoreTag = contentCommand(async (invocation) => {
  const { repository, tag } = readTag(invocation.operands[0] ?? '');
  const { to } = invocation.options;
  const text = typeof to === 'string' ? to : undefined;
  const wanted = text === undefined ? undefined : parseDigest(text);
  if (text !== undefined && !wanted) throw new UsageError(`${text} is not a digest such as sha256:…`);
  const { digest, entryId } = await invocation.tagHistory.restore(repository, tag, wanted, invocation.author);
  const source = entryId === undefined ? '' : `, restored from entry ${entryId} of the trash`;
  printValue(invocation, `${repository}:${tag} is ${digest}${source}`, { repository, tag, digest, entry: entryId ?? null });
});
