import { z } from 'zod';
import { pageBefore, trashEntry } from '../content/content-schemas.ts';
import { listAllTrash } from '../content/content.ts';
import { toDateTime } from '../table/date-time.ts';
import { type Context, type Route, ok, route } from '../table/route.ts';
import * as s from '../table/schemas.ts';

const bytes = z.number().meta({ description: 'bytes' });

const summary = z
  .object({
    disk: z
      .object({ totalBytes: bytes, freeBytes: bytes })
      .nullable()
      .meta({ description: 'the file system of the blobs; null for a bucket' }),
    countedAt: s.dateTime.nullable().meta({ description: 'null: the first count has not ended, and the figures are too low' }),
    repositories: z.number(),
    storedBytes: bytes.meta({ description: 'the sum of imageBytes, cacheBytes, trashBytes and garbageBytes' }),
    imageBytes: bytes.meta({ description: 'needed by images of this registry' }),
    cacheBytes: bytes.meta({ description: 'from upstreams' }),
    trashBytes: bytes.meta({ description: 'needed by the trash only: emptying it frees them' }),
    garbageBytes: bytes.meta({ description: 'needed by nothing: garbage collection frees them' }),
    uploads: z.number(),
    uploadBytes: bytes,
    indexBytes: bytes.meta({ description: 'indexes of layers, which berth makes again' }),
    untagged: z
      .object({ manifests: z.number(), bytes })
      .meta({ description: 'what garbageCollection.untagged would delete, and at least so many bytes that it would free' }),
    backupAt: s.dateTime.nullable().meta({ description: 'begin of the newest complete backup' }),
    scrub: z.object({ coverage: z.number(), corrupt: z.number(), oldestCheckAt: s.dateTime.nullable() }),
    sync: z.array(z.object({ name: z.string(), state: z.string(), succeededAt: s.dateTime.nullable() })),
  })
  .meta({ id: 'StorageSummary' });

const tree = z
  .object({
    at: z.string(),
    level: z.enum(['all', 'namespace', 'repository']),
    bytes: bytes.meta({ description: 'the sum over the parts' }),
    parts: z.array(
      z.object({
        kind: z.enum(['namespace', 'repository', 'image', 'other']),
        name: z.string().meta({ description: 'tags of an image; empty for the rest' }),
        bytes,
        ownBytes: bytes.nullable().meta({ description: 'needed by this part alone; null: not computed' }),
        repositories: z.number().nullable(),
        digest: z.string().nullable(),
      }),
    ),
    shared: z
      .enum(['once', 'each'])
      .meta({ description: 'once: content that several parts need counts in one of them; each: in each of them' }),
    partial: z.boolean().meta({ description: 'true if only the first 500 repositories by name were looked at' }),
  })
  .meta({ id: 'StorageTree' });

const treeQuery = z.object({
  at: s.text
    .default('')
    .meta({ description: 'empty: everything, by namespace; team-a/: a namespace, by repository; team-a/app: a repository' }),
});

async function showSummary(_input: unknown, { storage }: Context) {
  const { disk, countedAt, backupAt, scrub, sync, ...figures } = await storage.summary();
  const { repositories, storedBytes, imageBytes, cacheBytes, trashBytes, garbageBytes } = figures;
  const { uploads, uploadBytes, indexBytes, untagged } = figures;
  return {
    repositories,
    storedBytes,
    imageBytes,
    cacheBytes,
    trashBytes,
    garbageBytes,
    uploads,
    uploadBytes,
    indexBytes,
    untagged,
    disk: disk ?? null,
    countedAt: toDateTime(countedAt),
    backupAt: toDateTime(backupAt),
    scrub: { coverage: scrub.coverage, corrupt: scrub.corrupt, oldestCheckAt: toDateTime(scrub.oldestCheckAt) },
    sync: sync.map(({ name, state, succeededAt }) => ({ name, state, succeededAt: toDateTime(succeededAt ?? undefined) })),
  };
}

async function showTree({ query }: { readonly query: z.output<typeof treeQuery> }, { storage, principal }: Context) {
  const { parts, isPartial, ...rest } = await storage.tree(principal, query.at);
  const items = parts.map(({ kind, name, bytes: size, ownBytes = null, repositories = null, digest = null }) => {
    return { kind, name, bytes: size, ownBytes, repositories, digest };
  });
  return { ...rest, parts: items, partial: isPartial };
}

/** Rows of the API: the space that is used. */
export const storageRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/storage/summary',
    summary: 'Show how much is stored, and what could be freed',
    needs: 'admin',
    returns: ok(summary),
    handler: showSummary,
  }),
  route({
    method: 'GET',
    path: '/storage/tree',
    summary: 'Divide what the client may pull by namespace, repository or image',
    needs: 'account',
    query: treeQuery,
    returns: ok(tree),
    handler: showTree,
  }),
  route({
    method: 'GET',
    path: '/storage/trash',
    summary: 'List the trash of all repositories that the client may delete from, newest first',
    needs: 'account',
    query: pageBefore,
    returns: ok(s.pageOf(trashEntry)),
    handler: listAllTrash,
  }),
];
