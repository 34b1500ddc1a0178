import { setTimeout as delay } from 'node:timers/promises';
import type { MirroredContentRecord, MirrorSize } from '../../../storage/metadata/queries/mirror/space.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import type { Trash } from '../../content/trash.ts';
import { type Demand, createCachePolicy } from './cache-policy.ts';
import type { MirrorEvents } from '../events/mirror-events.ts';
import { type MeasureDisk, limitOnDisk, reservedBytes } from './disk-limit.ts';
import type { Digest } from '../../oci/digest.ts';

/**
 * Keeps mirrored content, with the content that is about to be deleted, within its size and its disk, for all processes that
 * share the store. Pushed content is not touched.
 */
export interface Eviction {
  /**
   * Makes space for a downloaded blob and reserves it. False if the blob is not kept: it is huge, would evict others and is
   * requested for the first time, or there was no space in time. Rejects when the mirror closes.
   */
  admit(arrival: Arrival): Promise<boolean>;
  /** Reserves space for a manifest that is about to be stored; false if there is none. */
  admitManifest(digest: Digest, sizeBytes: number): Promise<boolean>;
  /** To be called after content was recorded: evicts in the background if there is too much of it now. */
  grown(): void;
  /** Evicts as much as necessary; resolves to the number of bytes. */
  run(): Promise<number>;
  /**
   * Evicts until `bytes` more can be written to the disk, and waits until they can, at most ten seconds. Does nothing where
   * there is no disk to measure. Never rejects.
   */
  makeRoom(bytes: number): Promise<void>;
  /** Evicts this content. False if a client of this process reads it. */
  evict(digest: Digest): Promise<boolean>;
  /** Measures the mirrored content. */
  measure(): Promise<void>;
  /** Ends all waiting for space. */
  stop(): void;
  /** Resolves when all its work has ended. */
  close(): Promise<void>;
  /** Bytes that the mirror has, as far as this process knows. */
  readonly sizeBytes: number;
}

export interface Arrival {
  readonly digest: Digest;
  readonly sizeBytes: number;
  /** Number of requests for it during the download. */
  readonly requests: number;
}

export interface EvictionOptions {
  readonly metadata: MetadataStore;
  readonly trash: Trash;
  readonly maxBytes: number;
  /** How many bytes of the disk the mirror leaves free. */
  readonly keepFreeBytes: number;
  readonly disk: MeasureDisk;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Writes the latest uses, which decide what is evicted. */
  readonly flushUses: () => Promise<void>;
  /** True if a client of this process reads the content now. */
  readonly isInUse: (digest: Digest) => boolean;
  readonly events: Pick<MirrorEvents, 'evicted' | 'evictionFailed'>;
}

/** Evicted content leaves the disk two or three seconds later (see `trash.ts`). */
const maxWaitMilliseconds = 10_000;
const pauseMilliseconds = 250;
/** The least recently used of them may be in use. */
const candidates = 50;

export function createEviction(options: EvictionOptions): Eviction {
  const { metadata, trash, maxBytes, keepFreeBytes, disk, now, flushUses, isInUse, events } = options;
  let limitBytes = maxBytes;
  let policy = createCachePolicy(maxBytes);
  const closing = new AbortController();
  const waiting = new Map<Arrival, { readonly isHuge: boolean }>();
  let size: MirrorSize = { contentBytes: 0, protectedBytes: 0, transitBytes: 0 };
  let running: Promise<number> | undefined;
  let emptying: Promise<void> | undefined;
  /** Bytes that pushes wait to write. */
  let pushedBytes = 0;

  const usedBytes = () => size.contentBytes + size.transitBytes;

  async function measure(): Promise<void> {
    size = await metadata.mirrorSpace.size();
    limitBytes = await limit(pushedBytes);
    policy = createCachePolicy(limitBytes);
  }

  /** Returns the size that mirrored content may have if `otherBytes` more than the reserve stay free. */
  async function limit(otherBytes: number): Promise<number> {
    const space = await disk();
    if (!space) return maxBytes;
    return Math.min(maxBytes, limitOnDisk(size, space, reservedBytes(space, keepFreeBytes) + otherBytes));
  }

  function demand(): Demand {
    const sum = (arrivals: readonly Arrival[]) => arrivals.reduce((total, { sizeBytes }) => total + sizeBytes, 0);
    const huge = [...waiting].filter(([, { isHuge }]) => isHuge).map(([arrival]) => arrival);
    return { sizeBytes: sum([...waiting.keys()]), hugeBytes: sum(huge) };
  }

  async function evict(): Promise<number> {
    await measure();
    if (!policy.isTooMuch(size, demand())) return 0;
    await flushUses();
    let evicted = 0;
    while (!closing.signal.aborted && !policy.isEnough(size, demand())) {
      const victim = await nextVictim();
      if (!victim) break;
      await remove(victim.digest, victim.sizeBytes);
      evicted += victim.sizeBytes;
    }
    return evicted;
  }

  async function remove(digest: Digest, sizeBytes: number): Promise<void> {
    if (await metadata.mirrorSpace.evict(digest, now())) await trash.setAside(digest);
    events.evicted(sizeBytes);
    await measure();
  }

  async function nextVictim(): Promise<MirroredContentRecord | undefined> {
    for (const segment of policy.victims(size, demand())) {
      const oldest = await metadata.mirrorSpace.listLeastRecentlyUsed(segment === 'protected', candidates);
      const victim = oldest.find(({ digest }) => !isInUse(digest));
      if (victim) return victim;
    }
    return undefined;
  }

  function run(): Promise<number> {
    running ??= evict().finally(() => (running = undefined));
    return running;
  }

  /** Deletes evicted content at once: no other process may be there to do it. */
  function emptyTrash(): Promise<void> {
    emptying ??= trash.empty().finally(() => (emptying = undefined));
    return emptying;
  }

  async function isReserved({ digest, sizeBytes }: Arrival): Promise<boolean> {
    await measure();
    // Its bytes are on the disk already, as a download.
    const { maxBlobBytes } = createCachePolicy(await limit(pushedBytes - sizeBytes));
    if (usedBytes() + sizeBytes > maxBlobBytes) return false;
    return metadata.mirrorSpace.reserve(digest, sizeBytes, maxBlobBytes, now());
  }

  /** Waits until evicted content has left the disk. */
  async function waitForRoom(arrival: Arrival, isHuge: boolean): Promise<boolean> {
    if (await isReserved(arrival)) return true;
    if (!isHuge && !policy.mayWait(arrival.sizeBytes, demand())) return false;
    const end = performance.now() + maxWaitMilliseconds;
    waiting.set(arrival, { isHuge });
    try {
      while (performance.now() < end) {
        await run();
        await emptyTrash();
        await delay(pauseMilliseconds, undefined, { signal: closing.signal });
        if (await isReserved(arrival)) return true;
      }
      return false;
    } finally {
      waiting.delete(arrival);
    }
  }

  /** Waits until content that was evicted for a push has left the disk. */
  async function waitForFreeDisk(bytes: number): Promise<void> {
    const end = performance.now() + maxWaitMilliseconds;
    pushedBytes += bytes;
    try {
      while (performance.now() < end) {
        await run();
        await emptyTrash();
        const space = await disk();
        if (!space || space.freeBytes >= bytes || usedBytes() === 0) return;
        await delay(pauseMilliseconds, undefined, { signal: closing.signal });
      }
    } finally {
      pushedBytes -= bytes;
    }
  }

  return {
    run,
    measure,

    async evict(digest) {
      const found = await metadata.mirrorSpace.find(digest);
      if (isInUse(digest)) return false;
      if (found) await remove(digest, found.sizeBytes);
      return true;
    },

    async makeRoom(bytes) {
      const space = await disk();
      if (!space || space.freeBytes >= bytes + reservedBytes(space, keepFreeBytes)) return;
      const evicting = waitForFreeDisk(bytes).catch(events.evictionFailed);
      // The reserve is there for pushes: only without it they wait.
      if (space.freeBytes < 2 * bytes) await evicting;
    },

    async admit(arrival) {
      const { digest, sizeBytes, requests } = arrival;
      await measure();
      if (sizeBytes > createCachePolicy(maxBytes).maxBlobBytes) return false;
      if (!policy.isHuge(sizeBytes)) return waitForRoom(arrival, false);
      if (!policy.crowdsOut(size, sizeBytes)) return waitForRoom(arrival, false);
      const isWantedAgain = requests > 1 || (await metadata.mirroredContent.refuseBlob(digest, now()));
      return isWantedAgain && waitForRoom(arrival, true);
    },

    admitManifest: (digest, sizeBytes) => metadata.mirrorSpace.reserve(digest, sizeBytes, limitBytes, now()),

    grown() {
      run().catch(events.evictionFailed);
    },

    stop: () => closing.abort(),

    async close() {
      closing.abort();
      await Promise.allSettled([running, emptying]);
    },

    get sizeBytes() {
      return usedBytes();
    },
  };
}
