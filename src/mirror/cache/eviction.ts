import { setTimeout as delay } from 'node:timers/promises';
import type { MirroredContentRecord, MirrorSize } from '../../../storage/metadata/queries/mirror-reads.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import type { Trash } from '../../registry/trash.ts';
import { type Demand, createCachePolicy } from './cache-policy.ts';

/**
 * Keeps mirrored content within its size: never more than that, with what is about to be deleted, whichever processes
 * share the store. What was pushed is not touched.
 */
export interface Eviction {
  /**
   * Makes room for a blob that has come, and counts it in. False where it shall not be kept: it is huge, would push
   * others out and is asked for the first time, or there was no room for it in time. Rejects when the mirror closes.
   */
  admit(arrival: Arrival): Promise<boolean>;
  /** Counts in a manifest that is about to be stored; false where there is no room. */
  admitManifest(digest: string, sizeBytes: number): Promise<boolean>;
  /** Tells of content that has just been recorded. Evicts in the background where that makes it too much. */
  grown(): void;
  /** Evicts as much as it must; resolves to the number of bytes. */
  run(): Promise<number>;
  /** Finds out how much there is. */
  look(): Promise<void>;
  /** Nobody waits for room any longer. */
  stop(): void;
  /** Resolves when nothing of it runs any more. */
  close(): Promise<void>;
  /** Bytes that the mirror has, as far as this process knows. */
  readonly sizeBytes: number;
}

export interface Arrival {
  readonly digest: string;
  readonly sizeBytes: number;
  /** How many requests wanted it while it came. */
  readonly requests: number;
}

export interface EvictionOptions {
  readonly metadata: MetadataStore;
  readonly trash: Trash;
  readonly maxBytes: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Writes down the latest uses: they decide. */
  readonly flushUses: () => Promise<void>;
  /** Whether somebody reads it now, through this process. */
  readonly isInUse: (digest: string) => boolean;
  readonly onEvicted: (sizeBytes: number) => void;
  readonly onFailure: (error: unknown) => void;
}

/** What is evicted leaves the disk two or three seconds later (see `trash.ts`). */
const patienceMilliseconds = 10_000;
const pauseMilliseconds = 250;
/** The least recently used of them may be in use. */
const candidates = 50;

export function createEviction(options: EvictionOptions): Eviction {
  const { metadata, trash, maxBytes, now, flushUses, isInUse, onEvicted, onFailure } = options;
  const policy = createCachePolicy(maxBytes);
  const closing = new AbortController();
  const waiting = new Map<Arrival, { readonly isHuge: boolean }>();
  let size: MirrorSize = { contentBytes: 0, protectedBytes: 0, transitBytes: 0 };
  let running: Promise<number> | undefined;
  let emptying: Promise<void> | undefined;

  const held = () => size.contentBytes + size.transitBytes;

  async function measure(): Promise<void> {
    size = await metadata.mirrorSize();
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
      if (await metadata.evictContent(victim.digest, now())) await trash.setAside(victim.digest);
      evicted += victim.sizeBytes;
      onEvicted(victim.sizeBytes);
      await measure();
    }
    return evicted;
  }

  async function nextVictim(): Promise<MirroredContentRecord | undefined> {
    for (const segment of policy.victims(size, demand())) {
      const oldest = await metadata.leastRecentlyUsed(segment === 'protected', candidates);
      const victim = oldest.find(({ digest }) => !isInUse(digest));
      if (victim) return victim;
    }
    return undefined;
  }

  function run(): Promise<number> {
    running ??= evict().finally(() => (running = undefined));
    return running;
  }

  /** Whoever evicts here may be the only process. */
  function emptyTrash(): Promise<void> {
    emptying ??= trash.empty().finally(() => (emptying = undefined));
    return emptying;
  }

  async function isReserved({ digest, sizeBytes }: Arrival): Promise<boolean> {
    await measure();
    if (held() + sizeBytes > policy.mostBlobBytes) return false;
    return metadata.reserveRoom(digest, sizeBytes, policy.mostBlobBytes, now());
  }

  /** Room comes when what was evicted has left. */
  async function waitForRoom(arrival: Arrival, isHuge: boolean): Promise<boolean> {
    if (await isReserved(arrival)) return true;
    if (!isHuge && !policy.mayWait(arrival.sizeBytes, demand())) return false;
    const end = performance.now() + patienceMilliseconds;
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

  return {
    run,
    look: measure,

    async admit(arrival) {
      const { digest, sizeBytes, requests } = arrival;
      if (sizeBytes > policy.mostBlobBytes) return false;
      if (!policy.isHuge(sizeBytes)) return waitForRoom(arrival, false);
      await measure();
      if (!policy.crowdsOut(size, sizeBytes)) return waitForRoom(arrival, false);
      const isWantedAgain = requests > 1 || (await metadata.refuseBlob(digest, now()));
      return isWantedAgain && waitForRoom(arrival, true);
    },

    admitManifest: (digest, sizeBytes) => metadata.reserveRoom(digest, sizeBytes, maxBytes, now()),

    grown() {
      run().catch(onFailure);
    },

    stop: () => closing.abort(),

    async close() {
      closing.abort();
      await Promise.allSettled([running, emptying]);
    },

    get sizeBytes() {
      return held();
    },
  };
}
