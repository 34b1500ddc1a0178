import { z } from 'zod';
import { AdministrationError } from '../../../access/accounts/administration-error.ts';
import type { EntryStatus } from '../../../maintenance/sync/overview.ts';
import { toDateTime } from '../table/date-time.ts';
import { type Context, type Route, noContent, ok, route } from '../table/route.ts';
import * as s from '../table/schemas.ts';

const summary = z.object({
  repositories: z.number(),
  tags: z.number().meta({ description: 'tags that were looked at' }),
  copiedTags: z.number(),
  deletedTags: z.number(),
  keptTags: z.number().meta({ description: 'tags that differ and stay' }),
  copiedManifests: z.number(),
  copiedBlobs: z.number(),
  skippedBlobs: z.number().meta({ description: 'blobs that the target had already' }),
  copiedBytes: z.number(),
});

const status = z
  .object({
    name: z.string(),
    from: z.string(),
    to: z.string(),
    state: z.enum(['never run', 'requested', 'running', 'done', 'failed']),
    startedAt: s.dateTime.nullable(),
    endedAt: s.dateTime.nullable(),
    succeededAt: s.dateTime.nullable().meta({ description: 'end of the last run without failures' }),
    nextRunAt: s.dateTime,
    error: z.string().nullable().meta({ description: 'why the last run ended early, or how much failed' }),
    summary: summary.nullable().meta({ description: 'what the last run did' }),
  })
  .meta({ id: 'SyncEntry' });

const failure = z.object({
  repository: z.string(),
  reference: z.string().meta({ description: 'tag; empty for the repository as a whole' }),
  reason: z.string(),
});

const detailed = status.extend({ failures: z.array(failure) }).meta({ id: 'SyncEntryWithFailures' });

/** A run stores at most as many. */
const maxFailures = 1000;

/** Lists the entries of sync. */
async function listEntries(_input: unknown, { sync }: Context) {
  return (await sync.list()).map(toItem);
}

interface ByName {
  readonly params: { readonly name: string };
}

/** Shows an entry with what its last run could not do. */
async function showEntry({ params: { name } }: ByName, { sync }: Context) {
  const found = await sync.find(name);
  if (!found) throw unknownEntry(name);
  return { ...toItem(found), failures: await sync.listFailures(name, maxFailures) };
}

/** Asks for a run of an entry, which begins some seconds later. */
async function requestRun({ params: { name } }: ByName, { sync }: Context): Promise<void> {
  if (!(await sync.request(name))) throw unknownEntry(name);
}

function unknownEntry(name: string): AdministrationError {
  return new AdministrationError('unknown', `sync has no entry ${name}`);
}

function toItem({ startedAt, endedAt, succeededAt, nextRunAt, ...entry }: EntryStatus) {
  return {
    ...entry,
    startedAt: toDateTime(startedAt),
    endedAt: toDateTime(endedAt),
    succeededAt: toDateTime(succeededAt),
    nextRunAt: new Date(nextRunAt).toISOString(),
  };
}

/** Rows of the API: copies between registries. */
export const syncRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/sync',
    summary: 'List the entries of sync and their last runs',
    needs: 'admin',
    returns: ok(z.array(status)),
    handler: listEntries,
  }),
  route({
    method: 'GET',
    path: '/sync/{name}',
    summary: 'Show an entry of sync and what its last run could not copy',
    needs: 'admin',
    params: s.byName,
    returns: ok(detailed),
    handler: showEntry,
  }),
  route({
    method: 'POST',
    path: '/sync/{name}/runs',
    summary: 'Ask for a run of an entry now',
    changesContent: true,
    needs: 'admin',
    params: s.byName,
    body: s.nothing,
    returns: noContent,
    handler: requestRun,
  }),
];
