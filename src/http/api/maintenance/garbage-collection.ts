import { z } from 'zod';
import type { Space } from '../../../maintenance/collect/estimate.ts';
import { toDateTime } from '../table/date-time.ts';
import { type Context, type Route, noContent, ok, route } from '../table/route.ts';
import * as s from '../table/schemas.ts';

const counted = z.int().meta({ description: 'counted up to 10,000' });
const milliseconds = z.int().meta({ description: 'milliseconds' });

const status = z
  .object({
    pausedAt: s.dateTime.nullable(),
    blockedBy: z.string().nullable().meta({ description: 'restore or adoption: nothing is collected before its end' }),
    grace: milliseconds,
    untagged: milliseconds.nullable().meta({ description: 'garbageCollection.untagged; null: untagged manifests are kept' }),
    due: counted.meta({ description: 'reviews that are due' }),
    overdue: counted.meta({ description: 'reviews that have been due for more than ten minutes' }),
    failed: z.array(
      z.object({
        digest: z.string(),
        repository: z.string().nullable().meta({ description: 'null: the bytes themselves' }),
        failures: z.int().meta({ description: 'after ten the review is set aside' }),
        lastError: z.string().nullable(),
      }),
    ),
    trashEntries: counted,
    lastPurgeAt: s.dateTime.nullable(),
    purgedBlobs: z.int(),
    purgedBytes: z.int(),
    auditedAt: s.dateTime.nullable(),
    keepsVersions: z.boolean().nullable().meta({
      description: 'true: the bucket keeps, or has kept, old versions: deletions may free nothing yet; null: it does not say',
    }),
  })
  .meta({ id: 'CollectionStatus' });

const space = z.object({ count: z.int(), bytes: z.int().meta({ description: 'at least so many bytes' }) });

const reclaimable = z
  .object({
    repository: z.string(),
    waiting: space.meta({ description: 'blobs that no manifest needs; deleted when their reviews are due' }),
    trash: space.meta({ description: 'manifests in the trash' }),
    untagged: space.meta({ description: 'manifests that garbageCollection.untagged would delete' }),
  })
  .meta({ id: 'Reclaimable' });

const running = z.object({
  retry: z.boolean().default(false).meta({ description: 'try reviews again that were set aside' }),
});

const collected = z
  .object({
    reviewed: z.int(),
    unlinked: z.int(),
    trashed: z.int(),
    purgedBlobs: z.int(),
    purgedBytes: z.int(),
    failures: z.int(),
    due: counted.meta({ description: 'reviews that are still due: repeat the request' }),
  })
  .meta({ id: 'Collected' });

const audited = z.object({ rows: z.int(), missed: z.int(), next: z.string().optional() }).meta({ id: 'Audited' });

/** A request is answered before proxies lose their patience. */
const maxSeconds = 10;

async function showStatus(_input: unknown, { collection }: Context) {
  const { pausedAt, graceMs, untaggedMs, purgedAt, auditedAt, ...rest } = await collection.status();
  const { blockedBy, due, overdue, failed, trashEntries, purgedBlobs, purgedBytes, keepsVersions } = rest;
  return {
    blockedBy,
    due,
    overdue,
    failed,
    trashEntries,
    purgedBlobs,
    purgedBytes,
    keepsVersions,
    pausedAt: toDateTime(pausedAt),
    grace: graceMs,
    untagged: untaggedMs,
    lastPurgeAt: toDateTime(purgedAt),
    auditedAt: toDateTime(auditedAt),
  };
}

async function listReclaimable({ query }: { readonly query: z.output<typeof s.pageByName> }, { collection }: Context) {
  const { repositories, next } = await collection.listReclaimable(query.after, query.limit);
  const items = repositories.map(
    ({ repository, waiting, trash, untagged }): Record<'waiting' | 'trash' | 'untagged', Space> & { repository: string } => ({
      repository,
      waiting,
      trash,
      untagged,
    }),
  );
  return { items, next };
}

async function run({ body }: { readonly body: z.output<typeof running> }, { collection }: Context) {
  return collection.run({ retries: body.retry, seconds: maxSeconds });
}

async function audit({ query }: { readonly query: z.output<typeof s.pageByName> }, { collection }: Context) {
  return collection.audit(query.after, maxSeconds);
}

/** Rows of the API: garbage collection. */
export const collectionRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/gc/status',
    summary: 'Show what garbage collection does, has done and could not do',
    needs: 'admin',
    returns: ok(status),
    handler: showStatus,
  }),
  route({
    method: 'GET',
    path: '/gc/reclaimable',
    summary: 'Compute what repositories could free; a page has `limit` repositories',
    needs: 'admin',
    query: s.pageByName,
    returns: ok(s.pageOf(reclaimable)),
    handler: listReclaimable,
  }),
  route({
    method: 'POST',
    path: '/gc/run',
    summary: 'Decide due reviews now, for at most ten seconds',
    changesContent: true,
    needs: 'admin',
    body: running,
    returns: ok(collected),
    handler: run,
  }),
  route({
    method: 'POST',
    path: '/gc/pause',
    summary: 'Pause garbage collection in all processes',
    needs: 'admin',
    body: s.nothing,
    returns: noContent,
    handler: (_input, { collection, author }) => collection.pause(author),
  }),
  route({
    method: 'POST',
    path: '/gc/resume',
    summary: 'Let garbage collection go on',
    needs: 'admin',
    body: s.nothing,
    returns: noContent,
    handler: (_input, { collection, author }) => collection.resume(author),
  }),
  route({
    method: 'POST',
    path: '/gc/audit',
    summary: 'Look through all records for content that nothing needs and no review was written for, for at most ten seconds',
    needs: 'admin',
    query: s.pageByName,
    returns: ok(audited),
    handler: audit,
  }),
];
