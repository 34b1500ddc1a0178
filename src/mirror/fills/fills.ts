import { setTimeout as delay } from 'node:timers/promises';
import type { BlobDriver, ByteRange, OpenObject } from '../../../storage/blobs/driver.ts';
import { blobKey } from '../../../storage/blobs/layout.ts';
import type { Mirrored } from '../../../storage/metadata/queries/mirror/repositories.ts';
import type { Digest } from '../../oci/digest.ts';
import type { DownloadOutcome, MirrorEvents } from '../events/mirror-events.ts';
import { createOutOfOrderRanges } from './out-of-order-ranges.ts';
import { type Fill, type FillOptions, beginFill, isDiskRefusal } from './fill.ts';
import type { HeldDownloadLock } from './download-lock.ts';
import { followFill } from './followed-fill.ts';
import { type RunningDownloads, createOtherCopies } from './other-copies.ts';
import type { FillSpace } from './fill-space.ts';
import { type FillProgress, progressOf } from './fill-progress.ts';
import { WrongDigest } from './partial-blob.ts';
import { createMachineLock } from './machine-lock.ts';
import { type Partials, createPartials } from './partials.ts';
import type { ReplicaLock } from './replica-lock.ts';
import { storeBlob } from './store-blob.ts';

/** The downloads in progress from one upstream: one for each blob, for all clients of all processes of this machine. */
export interface Fills {
  /** The blob's fill, if the repository has joined it in this process; unless `mayWait` only where it has begun. */
  find(digest: Digest, repository: string, mayWait: boolean): Promise<JoinedFill | undefined> | undefined;
  /**
   * Joins the blob's fill or begins one; resolves when its size is known, rejects with `UpstreamError`. A complete blob
   * is stored, and served by every repository that joined. Undefined where another process has ended its fill meanwhile.
   * A fill for another repository, or one whose bytes are all here already, is joined only after `prove`.
   */
  join(digest: Digest, repositoryRef: Mirrored, source: FillSource, prove: Proof): Promise<JoinedFill | undefined>;
  /** Number of downloads in this process. */
  readonly count: number;
  /** Bytes that they have received and that are not stored yet. */
  readonly bytes: number;
  list(): readonly FillProgress[];
  /** Returns the files of broken downloads. */
  readonly leftovers: Partials['leftovers'];
  /** See `Partials.removeAbandoned`. */
  readonly removeAbandoned: Partials['removeAbandoned'];
  /** Stops all fills; what they have is kept for the next start. */
  close(): Promise<void>;
}

export interface JoinedFill {
  readonly sizeBytes: number;
  readonly isNew: boolean;
  open(range?: ByteRange): OpenObject;
}

/** Rejects where the repository's upstream has no such blob in it. */
export type Proof = () => Promise<unknown>;

export type FillSource = Omit<
  FillOptions,
  'digest' | 'path' | 'prove' | 'idleSeconds' | 'otherCopies' | 'reserve' | 'onBegin' | 'onUnread'
>;
type ProvenSource = FillSource & Pick<FillOptions, 'prove'>;

export interface FillsOptions {
  /** The upstream's name: it tells downloads of the same blob apart among replicas. */
  readonly upstream: string;
  readonly driver: BlobDriver;
  /** A folder of this machine, best on the file system of the blob store. */
  readonly directory: string;
  /** Extends the lock of this machine; undefined if no other machine shares the stores. */
  readonly replicaLock: ReplicaLock | undefined;
  /** Shared by the downloads from all upstreams. */
  readonly space: FillSpace;
  /** Stores the blob's bytes by `store` and records it. False if it is not kept. */
  readonly keep: (blob: FilledBlob, store: () => Promise<void>) => Promise<boolean>;
  /** True if a download without clients goes on. Its bytes are kept in any case. */
  readonly isWorthFinishing: (keptBytes: number, sizeBytes: number) => boolean;
  /** Finds the blob, if it is recorded by any process. */
  readonly findStored: (digest: Digest) => Promise<{ readonly sizeBytes: number } | undefined>;
  /** The downloads from all upstreams. */
  readonly running: RunningDownloads;
  readonly events: Pick<MirrorEvents, 'downloadAbandoned' | 'downloadFailed' | 'watchDownload'>;
  readonly idleSeconds: number;
}

/** A complete blob with the right digest. */
export interface FilledBlob {
  readonly digest: Digest;
  readonly sizeBytes: number;
  /** Repositories that serve it. */
  readonly repositoryRefs: readonly Mirrored[];
  /** Number of requests of this process for it during the download. */
  readonly requests: number;
}

interface Entry {
  readonly repositoryRefs: Map<string, Mirrored>;
  requests: number;
  readonly joined: Promise<JoinedFill | undefined>;
  fill?: Fill;
  sizeBytes?: number;
  /** Releases the disk space that is reserved for the blob. */
  releaseSpace?: () => void;
  /** Offers its bytes to downloads from other upstreams no longer. */
  withdraw?: () => void;
  isAbandoned?: boolean;
  ended?: Promise<void>;
}

export async function createFills(options: FillsOptions): Promise<Fills> {
  const { driver, upstream, replicaLock, space, keep, isWorthFinishing, findStored, running, events, idleSeconds } = options;
  const partials = await createPartials(options.directory);
  const machineLock = createMachineLock(partials);
  const downloadLock = replicaLock?.(machineLock, { upstream, pathOf: partials.pathOf }) ?? machineLock;
  const entries = new Map<Digest, Entry>();
  const closing = new AbortController();
  const isStored = async (digest: Digest) => (await findStored(digest)) !== undefined;

  async function begin(digest: Digest, source: FillSource, prove: Proof): Promise<JoinedFill | undefined> {
    const lock = await downloadLock.acquire(digest);
    if (lock) return beginOwn(digest, source, prove, lock);
    entries.delete(digest);
    await prove();
    const readStored = (range: ByteRange) => driver.read(blobKey(digest), range);
    const outOfOrder = createOutOfOrderRanges({ ...source, signal: closing.signal });
    const fill = await followFill({ digest, partials, outOfOrder, isStored: () => isStored(digest), readStored, idleSeconds });
    return fill && { ...fill, isNew: false };
  }

  /** Begins a fill, unless the former holder of the lock has stored the blob since it was looked for. */
  async function beginOwn(
    digest: Digest,
    source: FillSource,
    prove: Proof,
    lock: HeldDownloadLock,
  ): Promise<JoinedFill | undefined> {
    const isDone = await isStored(digest).catch(async (error: unknown) => {
      await lock.release();
      throw error;
    });
    const entry = entries.get(digest);
    if (!isDone && entry) return own(digest, entry, { ...source, prove }, lock);
    entries.delete(digest);
    await lock.release();
    return undefined;
  }

  async function own(digest: Digest, entry: Entry, source: ProvenSource, lock: HeldDownloadLock): Promise<JoinedFill> {
    const onBegin = (sizeBytes: number) => void lock.announce(sizeBytes).catch(() => undefined);
    const otherCopies = createOtherCopies(digest, { driver, findStored, running });
    const reserve = (sizeBytes: number) => void Object.assign(entry, { sizeBytes, releaseSpace: space.reserve(sizeBytes) });
    const onUnread = () => void unsubscribe(digest, entry).catch(() => undefined);
    const path = partials.pathOf(digest);
    const { promise: begun, resolve, reject } = Promise.withResolvers<Fill>();
    entry.ended = events.watchDownload(upstream, digest, () => {
      const fill = beginFill({ ...source, digest, path, idleSeconds, otherCopies, reserve, onBegin, onUnread });
      entry.fill = fill;
      entry.withdraw = running.add(digest, fill);
      resolve(fill);
      return end(digest, fill, entry, lock);
    });
    // Without effect once the fill has begun.
    entry.ended.catch(reject);
    const fill = await begun.catch(async (error: unknown) => {
      entry.fill?.stop('its download could not begin');
      entry.releaseSpace?.();
      await lock.release();
      throw error;
    });
    return { sizeBytes: await fill.started, isNew: true, open: fill.open };
  }

  /** Ends a download without clients that is not worth finishing, unless a client returns. */
  async function unsubscribe(digest: Digest, entry: Entry): Promise<void> {
    const { fill } = entry;
    if (!fill) return;
    const sizeBytes = await fill.started;
    do {
      if (isWorthFinishing(fill.keptBytes, sizeBytes)) return;
      await delay(returnMilliseconds, undefined, { signal: closing.signal });
      if (fill.readers > 0) return;
    } while (await partials.isFollowed(digest));
    if (entries.get(digest) !== entry || entry.isAbandoned || isWorthFinishing(fill.keptBytes, sizeBytes)) return;
    entry.isAbandoned = true;
    events.downloadAbandoned();
    fill.stop('its last client has gone');
  }

  async function end(digest: Digest, fill: Fill, entry: Entry, lock: HeldDownloadLock): Promise<DownloadOutcome> {
    try {
      const sizeBytes = await fill.started;
      await fill.verified;
      for (;;) {
        const { requests } = entry;
        const blob = { digest, sizeBytes, repositoryRefs: [...entry.repositoryRefs.values()], requests };
        if (await keep(blob, () => storeBlob(driver, partials, digest))) break;
        await lock.releaseReplicas();
        await unread(fill, closing.signal);
        if (entry.requests === requests) break;
      }
      await partials.remove(digest);
      return 'done';
    } catch (error) {
      const isUseless = error instanceof WrongDigest || isDiskRefusal(error);
      if (isUseless) await partials.remove(digest).catch(() => undefined);
      const [repository = ''] = entry.repositoryRefs.keys();
      if (entry.isAbandoned) return 'abandoned';
      events.downloadFailed(digest, error, { upstream, repository });
      return 'failed';
    } finally {
      entries.delete(digest);
      entry.releaseSpace?.();
      entry.withdraw?.();
      await lock.release().catch(() => undefined);
      fill.release();
    }
  }

  async function join(
    digest: Digest,
    repositoryRef: Mirrored,
    source: FillSource,
    prove: Proof,
  ): Promise<JoinedFill | undefined> {
    const entry = entries.get(digest);
    if (entry?.isAbandoned) {
      await entry.ended;
      return join(digest, repositoryRef, source, prove);
    }
    if (entry) {
      if (!entry.repositoryRefs.has(repositoryRef.repository)) await prove();
      entry.repositoryRefs.set(repositoryRef.repository, repositoryRef);
      entry.requests++;
      const [first] = entry.repositoryRefs.keys();
      try {
        return await joinedAgain(entry);
      } catch (error) {
        // The request for another repository has failed: this repository's request was not sent yet.
        if (first === repositoryRef.repository) throw error;
        return join(digest, repositoryRef, source, prove);
      }
    }
    const { promise, resolve, reject } = Promise.withResolvers<JoinedFill | undefined>();
    entries.set(digest, { repositoryRefs: new Map([[repositoryRef.repository, repositoryRef]]), requests: 1, joined: promise });
    begin(digest, source, prove)
      .catch((error: unknown) => {
        entries.delete(digest);
        throw error;
      })
      .then(resolve, reject);
    return promise;
  }

  return {
    find(digest, repository, mayWait) {
      const entry = entries.get(digest);
      if (!entry?.repositoryRefs.has(repository) || entry.isAbandoned) return undefined;
      if (!mayWait && !entry.fill) return undefined;
      entry.requests++;
      return joinedAgain(entry);
    },

    join,

    get count() {
      return entries.size;
    },

    get bytes() {
      return [...entries.values()].reduce((sum, { fill }) => sum + (fill?.keptBytes ?? 0), 0);
    },

    list: () => [...entries].map(([digest, entry]) => progressOf(digest, entry)),
    leftovers: partials.leftovers,
    removeAbandoned: partials.removeAbandoned,

    async close() {
      closing.abort();
      for (const { fill } of entries.values()) fill?.stop('the mirror is shutting down');
      await Promise.all([...entries.values()].map(async ({ ended }) => ended));
    },
  };
}

async function joinedAgain({ joined }: Entry): Promise<JoinedFill | undefined> {
  const fill = await joined;
  return fill && { ...fill, isNew: false };
}

/** Grace before a download without clients is ended; a client whose connection broke returns within this time. */
const returnMilliseconds = 1000;
/** Grace before an unkept download is deleted; a client that just joined opens it within this time. */
const dropMilliseconds = 200;

async function unread(fill: Fill, signal: AbortSignal): Promise<void> {
  do await delay(dropMilliseconds, undefined, { signal });
  while (fill.readers > 0);
}
