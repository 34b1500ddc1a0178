import { setTimeout as pause } from 'node:timers/promises';
import { repositoriesPrefix, revisionLink } from '../../../storage/blobs/distribution-links.ts';
import { type BlobDriver, objectKey } from '../../../storage/blobs/driver.ts';
import { unlessMissing } from '../../../storage/blobs/missing.ts';
import type { ReferencePosition } from '../../../storage/metadata/queries/adoption/oddities.ts';
import type { AdoptionState, ShardState } from '../../../storage/metadata/queries/adoption/runs.ts';
import { lateMilliseconds } from '../../../storage/metadata/queries/collection/claims.ts';
import { createSemaphore } from '../../coordination/semaphore.ts';
import { adoptBlobs } from './adopt-blobs.ts';
import { adoptLinks } from './adopt-links.ts';
import type { Oddity } from './oddities.ts';
import { type AdoptOptions, CannotAdopt } from './parts.ts';
import { type Shard, blobShards, linkShards } from './shards.ts';

const defaultPageSize = 500;
const shardsAtOnce = 4;
const readsAtOnce = 16;
const purgeWaitMilliseconds = 500;
const referencePage = 1000;
/** A pull-through cache keeps in it when its content expires. */
export const schedulerState = objectKey('scheduler-state.json');
const gitlabLock = objectKey('docker/registry/lockfiles/database-in-use');

/**
 * Records what another registry has stored in Distribution's layout, and changes nothing in the store: one run. A run that was
 * interrupted is continued; a further one reads the links that have changed. From the first run until `finish` no bytes are
 * deleted. Rejects `CannotAdopt`.
 */
export async function adopt(options: AdoptOptions): Promise<void> {
  const { driver, metadata, now, maxManifestBytes, upstream, kinds = ['blobs', 'links'], pageSize = defaultPageSize } = options;
  await assertSameContent(options);
  const notes = await inspect(options);
  const state = await metadata.adoption.begin(
    [...blobShards, ...linkShards].filter(({ kind }) => kinds.includes(kind)).map(({ name }) => name),
    now(),
    upstream?.name,
  );
  assertUnfinished(state);
  while (await metadata.adoption.isPurging(now() - lateMilliseconds)) {
    await pause(purgeWaitMilliseconds, undefined, { signal: options.signal });
  }
  const states = new Map((await metadata.adoption.listShards()).map((shard) => [shard.name, shard]));
  const progress = createProgress(options, states);
  const limited = createSemaphore({ maxAtOnce: readsAtOnce, maxWaiting: Infinity });
  const parts = { driver, metadata, now, maxManifestBytes, upstream, pageSize, limited, onPage: progress.onPage };
  await runShards(blobShards, states, (shard, position) => adoptBlobs(parts, shard, position), progress.onShard);
  await runShards(linkShards, states, (shard, position) => adoptLinks(parts, shard, position), progress.onShard);
  await recordMissingContent(options);
  await recordNotes(metadata, notes);
  await metadata.adoption.endRun(now());
}

function assertUnfinished({ finishedAt }: AdoptionState): void {
  if (finishedAt !== null) throw new CannotAdopt("the adoption is finished: the store is berth's");
}

/**
 * Rejects `CannotAdopt` if the adoption is finished, or if a former run has adopted the store as pushed content and this one
 * would not, or vice versa.
 */
async function assertSameContent({ metadata, upstream }: AdoptOptions): Promise<void> {
  const state = await metadata.adoption.find();
  if (!state) return;
  assertUnfinished(state);
  if (state.upstream === (upstream?.name ?? null)) return;
  const began = state.upstream === null ? 'pushed content' : `mirrored content of ${state.upstream}`;
  throw new CannotAdopt(
    `the adoption was begun as ${began}, and can only go on so; for another choice begin with empty metadata`,
  );
}

/** Rejects `CannotAdopt` if the store has no repositories in Distribution's layout. */
export async function assertRepositories(driver: Pick<BlobDriver, 'listEntries'>): Promise<void> {
  for await (const { path } of driver.listEntries(repositoriesPrefix)) if (path.length > repositoriesPrefix.length) return;
  const advice = 'check storage.blobs, and that the folder is mounted; it must have docker/registry/v2 in it';
  throw new CannotAdopt(`the store has no repositories of another registry: ${advice}`);
}

/** Returns notes about the store as a whole. Rejects `CannotAdopt` if there is nothing to adopt. */
async function inspect({ driver, includesCache, upstream, assumesCache }: AdoptOptions): Promise<readonly Oddity[]> {
  await assertRepositories(driver);
  const notes: Oddity[] = [];
  if (await unlessMissing(driver.stat(schedulerState))) {
    if (!includesCache && !upstream) {
      const advice = 'name its upstream, the entry of mirror.upstreams that has the address of proxy.remoteurl: --upstream NAME';
      const otherwise = '--include-cache adopts it like pushed images, which are never evicted';
      throw new CannotAdopt(`${schedulerState} says that the store is a pull-through cache: ${advice}; ${otherwise}`);
    }
    const detail = upstream ? `mirrored content of ${upstream.name}` : 'pushed images, which are never evicted';
    notes.push({ path: schedulerState, kind: 'proxy-cache', detail });
  } else if (upstream && assumesCache !== true) {
    throw new CannotAdopt(
      `--upstream is for the store of a pull-through cache; this store has no ${schedulerState}, which such a cache writes. ` +
        '--finish would make all content evictable, and delete all links and tags. If the registry was a cache that never ' +
        'expires content (proxy.ttl: 0), add --assume-cache',
    );
  }
  if (await unlessMissing(driver.stat(gitlabLock))) notes.push({ path: gitlabLock, kind: 'database-of-gitlab', detail: '' });
  return notes;
}

function createProgress({ signal, onProgress }: AdoptOptions, states: ReadonlyMap<string, ShardState>) {
  let done = [...states.values()].filter(({ isDone }) => isDone).length;
  let entries = 0;
  const show = () => onProgress({ part: Math.min(1, done / states.size), entries });
  return {
    onPage(count: number) {
      entries += count;
      show();
      signal.throwIfAborted();
    },
    onShard() {
      done++;
      show();
    },
  };
}

type RunShard = (shard: Shard, position: string) => Promise<void>;

/** Runs the shards that are not done, some at a time. Rejects with the first failure, when none runs any more. */
async function runShards(
  shards: readonly Shard[],
  states: ReadonlyMap<string, ShardState>,
  run: RunShard,
  onDone: () => void,
): Promise<void> {
  const waiting = shards.filter(({ name }) => states.get(name)?.isDone === false).values();
  const failures: unknown[] = [];
  async function work(): Promise<void> {
    for (const shard of waiting) {
      if (failures.length > 0) return;
      try {
        await run(shard, states.get(shard.name)?.position ?? '');
        onDone();
      } catch (error) {
        failures.push(error);
      }
    }
  }
  await Promise.all(Array.from({ length: shardsAtOnce }, work));
  if (failures.length > 0) throw failures[0];
}

/** Rows that one transaction deletes. */
const deleteBatch = 500;

/** Records which manifests name content that their repositories do not have. */
async function recordMissingContent({ metadata, signal }: AdoptOptions): Promise<void> {
  while ((await metadata.adoptionOddities.removeKind('missing-content', deleteBatch)) === deleteBatch);
  let position: ReferencePosition | undefined = { repositoryId: 0, manifest: '', digest: '' };
  while (position) {
    signal.throwIfAborted();
    const page = await metadata.adoptionOddities.findMissing(position, referencePage);
    const byManifest = Map.groupBy(page.missing, ({ repository, manifest }) => revisionLink(repository, manifest));
    const oddities = [...byManifest].map(([path, missing]): Oddity => {
      return { path, kind: 'missing-content', detail: missing.map(({ digest }) => digest).join(' ') };
    });
    await metadata.adoptionOddities.add(oddities);
    position = page.next;
  }
}

async function recordNotes({ adoption, adoptionOddities }: AdoptOptions['metadata'], notes: readonly Oddity[]): Promise<void> {
  for (const kind of ['proxy-cache', 'database-of-gitlab', 'no-tags']) await adoptionOddities.removeKind(kind, deleteBatch);
  const shards = await adoption.listShards();
  const sum = (count: 'manifests' | 'tags') => shards.reduce((total, shard) => total + shard[count], 0);
  const hasNoTags = sum('manifests') > 0 && sum('tags') === 0;
  const noTags: Oddity = { path: repositoriesPrefix, kind: 'no-tags', detail: '' };
  await adoptionOddities.add(hasNoTags ? [...notes, noTags] : notes);
}
