import { setTimeout as delay } from 'node:timers/promises';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import type { Lease, Leases } from '../../coordination/leases.ts';

/**
 * Lets one of several processes that share the stores fetch a manifest: upstreams count each fetch as a pull. The other
 * processes wait and then find the manifest in the store.
 */
export interface ManifestTurns {
  /**
   * Runs `work` while no other process runs work of the same name. `hasWaited` is true if another process has run such
   * work in the meantime. Where the lease is not to be had in time, `work` runs without it: two pulls are better than none.
   */
  run<Result>(name: string, work: (hasWaited: boolean) => Promise<Result>): Promise<Result>;
}

export interface ManifestTurnsOptions {
  readonly leases: Leases;
  readonly metadata: { readonly leases: Pick<MetadataStore['leases'], 'find'> };
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** The longest time that a client is kept waiting for another process. */
  readonly maxWaitSeconds: number;
}

/** After the death of a process the next one takes over when this time has passed. */
const leaseMilliseconds = 4000;
const firstPauseMilliseconds = 20;
const longestPauseMilliseconds = 200;

export function createManifestTurns({ leases, metadata, now, maxWaitSeconds }: ManifestTurnsOptions): ManifestTurns {
  async function take(name: string): Promise<{ readonly lease: Lease | undefined; readonly hasWaited: boolean }> {
    const deadline = performance.now() + maxWaitSeconds * 1000;
    let hasWaited = false;
    for (let pause = firstPauseMilliseconds; ; pause = Math.min(2 * pause, longestPauseMilliseconds)) {
      const repositoryRef = await metadata.leases.find(name, now());
      const lease = repositoryRef ? undefined : await leases.take(name, { milliseconds: leaseMilliseconds });
      if (lease || performance.now() + pause > deadline) return { lease, hasWaited };
      hasWaited = true;
      await delay(pause);
    }
  }

  return {
    async run(name, work) {
      const { lease, hasWaited } = await take(name).catch(() => ({ lease: undefined, hasWaited: false }));
      try {
        return await work(hasWaited);
      } finally {
        // The client need not wait for it.
        void lease?.release();
      }
    },
  };
}

/** For a process that shares its stores with no other one. */
export const noTurns: ManifestTurns = { run: (_name, work) => work(false) };
