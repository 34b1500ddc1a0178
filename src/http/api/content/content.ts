import type { ShownTrashEntry } from '../../../registry/trash.ts';
import type { z } from 'zod';
import { isoTime } from '../../../access/accounts/time.ts';
import { firstHold } from '../../../registry/holds.ts';
import type * as s from './content-schemas.ts';
import type { Context } from '../table/route.ts';

/** Handlers of deletion, the trash, holds and the history of tags. */

interface Query<Schema extends z.ZodType> {
  readonly query: z.output<Schema>;
}

interface Body<Schema extends z.ZodType> {
  readonly body: z.output<Schema>;
}

/** Holds of one repository: people write them, so there are few. */
const mostHolds = 1000;

export async function listTrash({ query }: Query<typeof s.trashPage>, { content }: Context) {
  const { repository, after = Number.MAX_SAFE_INTEGER, limit } = query;
  return toTrashPage(await content.trash.list(repository, after, limit), limit);
}

export async function listAllTrash({ query }: Query<typeof s.pageBefore>, { storage, principal }: Context) {
  const { after = Number.MAX_SAFE_INTEGER, limit } = query;
  return toTrashPage(await storage.trash(principal, after, limit), limit);
}

function toTrashPage(entries: readonly ShownTrashEntry[], limit: number) {
  const items = entries.map(({ deletedAt, purgeAt, ...entry }) => {
    return { ...entry, deletedAt: isoTime(deletedAt), purgeAt: isoTime(purgeAt) };
  });
  return { items, next: nextOf(entries, limit) };
}

export async function restoreEntry(
  { params, body }: Body<typeof s.newRestoration> & { readonly params: z.output<typeof s.byEntry> },
  { content, author }: Context,
) {
  const { manifests, tags, left } = await content.trash.restore(body.repository, params.id, { renames: body.renames, author });
  return { manifests, tags, left };
}

export async function emptyTrash({ body }: Body<typeof s.emptying>, { content, author }: Context) {
  const { repository, entries: ids, dryRun = false } = body;
  const selection = { repository, ids };
  const { entries, unknown } = dryRun ? await content.trash.planEmpty(selection) : await content.trash.empty(selection, author);
  const shown = entries.map(({ id, digest, manifests }) => ({ id, digest, manifests }));
  return { deleted: !dryRun, entries: shown, unknown };
}

export async function deleteImage({ body }: Body<typeof s.newDeletion>, { content, author }: Context) {
  const { repository, reference, reason, dryRun = false, expected } = body;
  const digest = await content.deletions.digestOf(repository, reference);
  if (dryRun) return { entry: null, ...(await content.deletions.preview(repository, digest)) };
  const { entryId, removal } = await content.deletions.manifest(repository, digest, { author, reason, expected });
  return { entry: entryId, ...removal };
}

export async function listHolds({ query }: Query<typeof s.inRepository>, { content }: Context) {
  const found = await content.holds.list(query.repository, firstHold, mostHolds);
  const items = found.map(({ repository, digest, reason, actor, createdAt, until }) => {
    return { repository, digest, reason, actor, createdAt: isoTime(createdAt), until: until === null ? null : isoTime(until) };
  });
  return { items };
}

export async function addHold({ body }: Body<typeof s.newHold>, { content, author }: Context) {
  const { repository, reference, reason, until } = body;
  return { digest: await content.holds.add(repository, reference, { reason, until, author }) };
}

export async function removeHold({ query }: Query<typeof s.imageQuery>, { content, author }: Context) {
  await content.holds.remove(query.repository, query.reference, author);
}

export async function listTagHistory({ query }: Query<typeof s.tagHistoryPage>, { content }: Context) {
  const { repository, tag, after = Number.MAX_SAFE_INTEGER, limit } = query;
  const moves = await content.tagHistory.list(repository, tag, after, limit);
  const items = moves.map(({ at, from, to, actor, reason }) => ({ at: isoTime(at), from, to, actor, reason }));
  return { items, next: nextOf(moves, limit) };
}

export async function restoreTag({ body }: Body<typeof s.newTagRestoration>, { content, author }: Context) {
  const { digest, entryId } = await content.tagHistory.restore(body.repository, body.tag, body.digest, author);
  return { digest, entry: entryId ?? null };
}

export async function explain({ query }: Query<typeof s.imageQuery>, { content, allows }: Context) {
  const maySee = (name: typeof query.repository) => allows('pull', name);
  const { digest, keepers, trashed, deletion, sharedWith } = await content.why.explain(query.repository, query.reference, maySee);
  const kept = keepers && {
    tags: keepers.tags,
    parents: keepers.parents,
    hold: keepers.hold?.reason ?? null,
    subject: keepers.subject,
  };
  return {
    digest,
    kept: kept ?? null,
    entry: trashed?.id ?? null,
    deletion: { ...deletion, refusal: deletion.refusal ?? null },
    sharedWith,
  };
}

/** Returns the `after` of the next page; undefined if this one is not full. */
function nextOf(items: readonly { readonly id: number }[], limit: number): string | undefined {
  const last = items.at(-1);
  return last && items.length === limit ? String(last.id) : undefined;
}
