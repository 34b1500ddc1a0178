import { openBlobStore } from '../../assembly/blob-store.ts';
import { createCollectionServices } from '../../assembly/maintenance/garbage-collection.ts';
import { openMetadata } from '../../assembly/metadata-store.ts';
import { createTrash } from '../../content/trash.ts';
import type { Auditor } from '../../maintenance/collect/audit.ts';
import type { Reclaimable, Space } from '../../maintenance/collect/estimate.ts';
import { type CollectionOverview, type CollectionStatus, maxCounted } from '../../maintenance/collect/overview.ts';
import { OciError } from '../../oci/errors.ts';
import type { Author } from '../../registry/author.ts';
import { locateMetadata } from '../accounts/admin-command.ts';
import { CommandError, type Invocation, type Run, UsageError } from '../program/command.ts';
import { alignColumns, asksForJson, printValue, time } from '../program/output.ts';
import { type Progress, createProgress, inUnits } from '../program/progress.ts';

interface Services {
  readonly overview: CollectionOverview;
  readonly auditor: Auditor;
}

const author: Author = { actor: 'command line', address: '' };

/** Makes a command that uses the stores beside a running server. */
function collectionCommand(run: (invocation: Invocation, services: Services) => Promise<void>): Run {
  return async (invocation) => {
    const config = invocation.config();
    invocation.warn(`using the data in ${locateMetadata(config)}`);
    const driver = await openBlobStore(config.storage.blobs);
    const metadata = await openMetadata(config);
    const stores = { driver, metadata, now: Date.now };
    const events = {
      purged: () => undefined,
      trashed: () => undefined,
      failed: (digest: string, error: unknown) => invocation.warn(`${digest} could not be deleted: ${String(error)}`),
    };
    try {
      await run(invocation, createCollectionServices(config, { ...stores, trash: createTrash(stores), events }));
    } catch (error) {
      throw error instanceof OciError ? new CommandError(error.message) : error;
    } finally {
      await metadata.close();
      await driver.close();
    }
  };
}

/** Shows progress on the terminal, or as lines on standard error, apart from the output that scripts read. */
function progressOf(title: string, invocation: Invocation): Progress {
  if (invocation.isTerminal && !asksForJson(invocation)) return createProgress(title, invocation);
  return createProgress(title, { isTerminal: false, write: (text) => invocation.warn(text.trimEnd()) });
}

const repositoriesAtOnce = 20;

/** `berth gc status` */
export const showStatus = collectionCommand(async (invocation, { overview }) => {
  const status = await overview.status();
  const isQuick = invocation.options['quick'] === true;
  const untaggedMs = readDays(invocation.options['untagged']);
  if (isQuick && untaggedMs !== undefined) throw new UsageError('--quick computes nothing that --untagged asks for');
  const estimate = isQuick ? undefined : await computeReclaimable(invocation, overview, untaggedMs);
  if (asksForJson(invocation)) printValue(invocation, '', toRecord(status, estimate));
  else for (const line of alignColumns(describe(status, estimate))) invocation.print(line);
});

function readDays(text: unknown): number | undefined {
  if (text === undefined) return undefined;
  const days = typeof text === 'string' ? /^([1-9]\d{0,2})d$/.exec(text)?.[1] : undefined;
  if (days === undefined) throw new UsageError('--untagged must be a number of days such as 30d');
  return Number(days) * dayMilliseconds;
}

const dayMilliseconds = 24 * 3_600_000;

type Sums = Record<'waiting' | 'trash' | 'untagged', Space>;

interface Estimate extends Sums {
  readonly untaggedMs: number;
}

async function computeReclaimable(
  invocation: Invocation,
  overview: CollectionOverview,
  untaggedMs: number | undefined,
): Promise<Estimate> {
  const progress = progressOf('repositories', invocation);
  const none: Space = { count: 0, bytes: 0 };
  let estimate: Estimate = { untaggedMs: 0, waiting: none, trash: none, untagged: none };
  for (let after: string | undefined = ''; after !== undefined;) {
    const page = await overview.listReclaimable(after, repositoriesAtOnce, untaggedMs);
    estimate = { ...page.repositories.reduce(addTo, estimate), untaggedMs: page.untaggedMs };
    after = page.next;
    if (after !== undefined) progress.show(partOf(after), after);
  }
  progress.end();
  return estimate;
}

/** Returns about what part of all names comes before the name, by its first two characters: names are not counted. */
function partOf(name: string): number {
  const place = (at: number) => Math.max(0, (name.charCodeAt(at) || 48) - 48) / 75;
  return Math.min(0.99, place(0) + place(1) / 75);
}

function addTo(sums: Estimate, { waiting, trash, untagged }: Reclaimable): Estimate {
  const add = (one: Space, other: Space) => ({ count: one.count + other.count, bytes: one.bytes + other.bytes });
  return {
    ...sums,
    waiting: add(sums.waiting, waiting),
    trash: add(sums.trash, trash),
    untagged: add(sums.untagged, untagged),
  };
}

function toRecord(status: CollectionStatus, estimate: Estimate | undefined) {
  const { pausedAt, graceMs, untaggedMs, purgedAt, auditedAt, ...rest } = status;
  return {
    ...rest,
    pausedAt: time(pausedAt),
    grace: graceMs,
    untagged: untaggedMs,
    lastPurgeAt: time(purgedAt),
    auditedAt: time(auditedAt),
    reclaimable: estimate ?? null,
  };
}

function describe(status: CollectionStatus, estimate: Estimate | undefined): readonly (readonly string[])[] {
  const { due, overdue, failed, purgedAt, purgedBlobs, purgedBytes, auditedAt, trashEntries } = status;
  const times = (milliseconds: number | null) => time(milliseconds) ?? 'never';
  const rows: [string, string][] = [
    ['state', describeState(status)],
    ['reviews', `${upTo(due)} due, ${upTo(overdue)} of them for more than ten minutes`],
    ['trash', `${upTo(trashEntries)} entries${estimate ? `; to empty it frees ${describeSpace(estimate.trash)}` : ''}`],
  ];
  if (estimate) {
    rows.push(['waiting', `${estimate.waiting.count} blobs that no manifest needs, ${describeSpace(estimate.waiting)}`]);
    rows.push(['untagged', describeUntagged(status, estimate)]);
  }
  rows.push(['last purge', `${times(purgedAt)}; so far ${purgedBlobs} blobs, ${inUnits(purgedBytes)}`]);
  rows.push(['last audit', times(auditedAt)]);
  if (status.keepsVersions === true)
    rows.push(['bucket', 'it keeps old versions: deletions free nothing until its own rules delete these']);
  if (status.keepsVersions === null) rows.push(['bucket', 'it does not say whether it keeps old versions']);
  for (const { digest, repository, failures, lastError } of failed) {
    const where = repository === null ? digest : `${repository}@${digest}`;
    rows.push([failures >= 10 ? 'set aside' : 'failing', `${where}: ${failures} failures, ${lastError ?? 'no reason'}`]);
  }
  return rows;
}

function describeState({ pausedAt, blockedBy }: CollectionStatus): string {
  if (blockedBy !== null) return `blocked until the end of the ${blockedBy}`;
  return pausedAt === null ? 'running' : `paused since ${time(pausedAt) ?? ''}: berth gc resume`;
}

function describeUntagged({ untaggedMs }: CollectionStatus, { untagged, untaggedMs: estimatedMs }: Estimate): string {
  const days = `${Math.round(estimatedMs / dayMilliseconds)}d`;
  const found = `${untagged.count} manifests, ${describeSpace(untagged)}`;
  if (untaggedMs !== null && untaggedMs === estimatedMs) return `garbageCollection.untagged: ${days} deletes next: ${found}`;
  return `garbageCollection.untagged: ${days} in the configuration would delete: ${found}`;
}

const describeSpace = ({ bytes }: Space) => (bytes === 0 ? 'no space' : `at least ${inUnits(bytes)}`);
const upTo = (count: number) => (count >= maxCounted ? `${maxCounted} or more` : String(count));

const secondsAtOnce = 2;

/** `berth gc run` */
export const runCollection = collectionCommand(async (invocation, { overview }) => {
  const progress = progressOf('reviews', invocation);
  const total = { reviewed: 0, unlinked: 0, trashed: 0, purgedBlobs: 0, purgedBytes: 0, failures: 0 };
  let retries = invocation.options['retry'] === true;
  for (let due = 1; due > 0;) {
    const done = await overview.run({ retries, seconds: secondsAtOnce });
    retries = false;
    for (const name of Object.keys(total) as (keyof typeof total)[]) total[name] += done[name];
    due = done.reviewed === 0 ? 0 : done.due;
    progress.show(due === 0 ? 1 : total.reviewed / (total.reviewed + due), `${total.reviewed} decided, ${upTo(due)} due`);
  }
  progress.end();
  if (total.reviewed === 0) invocation.warn('nothing is due: unneeded content is deleted after twice garbageCollection.grace');
  const { purgedBlobs, purgedBytes, unlinked, trashed, failures } = total;
  const untagged = trashed > 0 ? `, ${trashed} untagged manifests deleted` : '';
  const text = `${unlinked} blobs left their repositories, ${purgedBlobs} deleted, ${inUnits(purgedBytes)}${untagged}`;
  printValue(invocation, failures > 0 ? `${text}; ${failures} could not be deleted, see berth gc status` : text, total);
});

/** `berth gc pause` */
export const pauseCollection = collectionCommand(async (invocation, { overview }) => {
  await overview.pause(author);
  printValue(invocation, 'garbage collection is paused: berth gc resume lets it go on', { paused: true });
});

/** `berth gc resume` */
export const resumeCollection = collectionCommand(async (invocation, { overview }) => {
  await overview.resume(author);
  const { blockedBy } = await overview.status();
  const text = blockedBy === null ? 'garbage collection goes on' : `it goes on at the end of the ${blockedBy}`;
  printValue(invocation, text, { paused: false, blockedBy });
});

/** `berth gc audit` */
export const auditCollection = collectionCommand(async (invocation, { auditor }) => {
  const progress = progressOf('records', invocation);
  const { rows, missed } = await auditor.run((part) => progress.show(part, ''));
  progress.end();
  const text = missed === 0 ? 'nothing was missed' : `${missed} had no review: they were written, see docs/garbage-collection.md`;
  printValue(invocation, `${rows} records looked at, ${text}`, { rows, missed });
});
