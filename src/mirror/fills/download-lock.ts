import { stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import type { Lease, LeaseOptions, Leases } from '../../coordination/leases.ts';
import type { LocalDownloadLock } from './partials.ts';

/**
 * Lets one of several replicas fetch a blob, where they share stores and no folder. The others wait for it as long as
 * their clients do, and then fetch for themselves: a blob that came twice is better than one that did not come.
 */
export interface DownloadLock {
  /**
   * Resolves to the claim, held among all replicas too where it could be. The blob may be stored by then. `name`: the
   * download's, the same at all replicas. Its file grows at `path`: how fast tells the others whether to wait. Never rejects.
   */
  lockAcrossReplicas(lock: LocalDownloadLock, name: string, path: string): Promise<LocalDownloadLock>;
}

export interface DownloadLockOptions {
  readonly leases: Leases;
  readonly metadata: { readonly leases: Pick<MetadataStore['leases'], 'find'> };
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** How long clients may be kept waiting. */
  readonly maxWaitSeconds: number;
}

/** After a replica's death others go on when this is over. A fourth of it lies between two words on how far it is. */
const leaseMilliseconds = 4000;
const firstPauseMilliseconds = 50;
const longestPauseMilliseconds = 500;

export function createDownloadLock({ leases, metadata, now, maxWaitSeconds }: DownloadLockOptions): DownloadLock {
  /** The lease, or undefined where another replica has it for longer than may be waited. */
  async function take(name: string, options: LeaseOptions): Promise<Lease | undefined> {
    const deadline = performance.now() + maxWaitSeconds * 1000;
    for (let pause = firstPauseMilliseconds; ; pause = Math.min(2 * pause, longestPauseMilliseconds)) {
      const held = await metadata.leases.find(name, now());
      const lease = held ? undefined : await leases.take(name, options);
      if (lease) return lease;
      const millisecondsLeft = Number(held?.note ?? 0);
      if (performance.now() + Math.max(pause, millisecondsLeft) > deadline) return undefined;
      await delay(pause);
    }
  }

  return {
    async lockAcrossReplicas(lock, name, path) {
      const progress = createProgress(path);
      const options = { milliseconds: leaseMilliseconds, note: progress.millisecondsLeft };
      const lease = await take(`fill:${name}`, options).catch(() => undefined);
      if (!lease) return lock;
      return {
        async announce(sizeBytes) {
          await Promise.all([lock.announce(sizeBytes), progress.begin(sizeBytes)]);
        },
        releaseReplicas: () => lease.release(),
        async release() {
          await Promise.all([lock.release(), lease.release()]);
        },
      };
    },
  };
}

interface Progress {
  begin(sizeBytes: number): Promise<void>;
  /** A number in words, at the pace until now; null where nothing can be said yet. */
  millisecondsLeft(): Promise<string | null>;
}

/** A pace is believed when it has been watched for so long. */
const watchMilliseconds = 500;

/** Looks at the file that grows, whoever writes it: the download itself has nothing to do for it. */
function createProgress(path: string): Progress {
  let wantedBytes = 0;
  let first: Look | undefined;

  async function look(): Promise<Look | undefined> {
    const stats = await stat(path).catch(() => undefined);
    return stats && { at: performance.now(), keptBytes: stats.size };
  }

  return {
    async begin(sizeBytes) {
      wantedBytes = sizeBytes;
      first = await look();
    },
    async millisecondsLeft() {
      const last = await look();
      if (!first || !last) return null;
      const watched = last.at - first.at;
      const came = last.keptBytes - first.keptBytes;
      if (watched < watchMilliseconds || came <= 0) return null;
      return String(Math.ceil(((wantedBytes - last.keptBytes) / came) * watched));
    },
  };
}

interface Look {
  readonly at: number;
  readonly keptBytes: number;
}
