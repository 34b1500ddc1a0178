import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { waitForLease } from '../../coordination/lease-wait.ts';
import type { Leases } from '../../coordination/leases.ts';

/**
 * Lets one of several processes that share the stores fetch a manifest: upstreams count each fetch as a pull. The other
 * processes wait and then find the manifest in the store.
 */
export interface ManifestLock {
  /**
   * Runs `work` while no other process runs work of the same name. `hasWaited` is true if another process has run such
   * work in the meantime. If the lease is not free in time, `work` runs without it: two pulls are better than none.
   */
  run<Result>(name: string, work: (hasWaited: boolean) => Promise<Result>): Promise<Result>;
}

export interface ManifestLockOptions {
  readonly leases: Leases;
  readonly metadata: { readonly leases: Pick<MetadataStore['leases'], 'find'> };
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** The longest time that a client is kept waiting for another process. */
  readonly maxWaitSeconds: number;
}

/** The next process takes over when a dead process's lease has ended. */
const lease = { milliseconds: 4000 };
const pauses = { first: 20, longest: 200 };

export function createManifestLock(options: ManifestLockOptions): ManifestLock {
  return {
    async run(name, work) {
      const wait = await waitForLease(name, { ...options, lease, pauses }).catch(() => undefined);
      try {
        return await work(wait?.hasWaited ?? false);
      } finally {
        // The client need not wait for it.
        void wait?.lease?.release();
      }
    },
  };
}

/** For a process that shares its stores with no other one. */
export const noManifestLock: ManifestLock = { run: (_name, work) => work(false) };
