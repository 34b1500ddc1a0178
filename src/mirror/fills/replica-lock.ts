import { stat } from 'node:fs/promises';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { waitForLease } from '../../coordination/lease-wait.ts';
import type { Leases } from '../../coordination/leases.ts';
import type { Digest } from '../../oci/digest.ts';
import type { DownloadLock } from './download-lock.ts';

/**
 * Extends the lock of this machine to all replicas, by a lease. The other replicas wait while the lease is held, as long as
 * their clients can wait, and then download the blob themselves: two downloads are better than none.
 */
export type ReplicaLock = (machine: DownloadLock, downloads: Downloads) => DownloadLock;

/** The downloads that the lock is for. */
export interface Downloads {
  /** Name of the upstream: downloads of one blob from several upstreams have different locks. */
  readonly upstream: string;
  /** Returns the blob's growing file: its pace tells other replicas whether to wait. */
  pathOf(digest: Digest): string;
}

export interface ReplicaLockOptions {
  readonly leases: Leases;
  readonly metadata: { readonly leases: Pick<MetadataStore['leases'], 'find'> };
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** The longest time that clients are kept waiting for another replica. */
  readonly maxWaitSeconds: number;
}

/** Other replicas take over when a dead replica's lease has ended. The progress is written each fourth of this time. */
const leaseMilliseconds = 4000;
const pauses = { first: 50, longest: 500 };

export function createReplicaLock(options: ReplicaLockOptions): ReplicaLock {
  return (machine, { upstream, pathOf }) => ({
    async acquire(digest) {
      const local = await machine.acquire(digest);
      if (!local) return undefined;
      const progress = createProgress(pathOf(digest));
      const { lease } = await waitForLease(`fill:${upstream} ${digest}`, {
        ...options,
        pauses,
        lease: { milliseconds: leaseMilliseconds, note: progress.millisecondsLeft },
      }).catch(() => ({ lease: undefined }));
      if (!lease) return local;
      return {
        async announce(sizeBytes) {
          await Promise.all([local.announce(sizeBytes), progress.begin(sizeBytes)]);
        },
        releaseReplicas: () => lease.release(),
        async release() {
          await Promise.all([local.release(), lease.release()]);
        },
      };
    },
  });
}

interface Progress {
  begin(sizeBytes: number): Promise<void>;
  /** Returns the estimated milliseconds to the end, as a number in text; null while the pace is unknown. */
  millisecondsLeft(): Promise<string | null>;
}

/** The shortest time over which a pace is measured. */
const watchMilliseconds = 500;

/** Measures the growing file, so that the download itself has nothing to report. */
function createProgress(path: string): Progress {
  let wantedBytes = 0;
  let first: Measurement | undefined;

  async function measure(): Promise<Measurement | undefined> {
    const stats = await stat(path).catch(() => undefined);
    return stats && { at: performance.now(), keptBytes: stats.size };
  }

  return {
    async begin(sizeBytes) {
      wantedBytes = sizeBytes;
      first = await measure();
    },
    async millisecondsLeft() {
      const last = await measure();
      if (!first || !last) return null;
      const watched = last.at - first.at;
      const receivedBytes = last.keptBytes - first.keptBytes;
      if (watched < watchMilliseconds || receivedBytes <= 0) return null;
      return String(Math.ceil(((wantedBytes - last.keptBytes) / receivedBytes) * watched));
    },
  };
}

interface Measurement {
  readonly at: number;
  readonly keptBytes: number;
}
