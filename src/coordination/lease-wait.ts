import { setTimeout as delay } from 'node:timers/promises';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import { type BackOff, pauseAfter } from '../../storage/back-off.ts';
import type { Lease, LeaseOptions, Leases } from './leases.ts';

export interface LeaseWaitOptions {
  readonly leases: Leases;
  readonly metadata: { readonly leases: Pick<MetadataStore['leases'], 'find'> };
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly maxWaitSeconds: number;
  /** Milliseconds between tries. */
  readonly pauses: BackOff;
  readonly lease: LeaseOptions;
}

/**
 * Takes a lease that another process may hold. Resolves without a lease after `maxWaitSeconds`, or as soon as the holder's
 * note, its estimate of the milliseconds that it still needs, leaves no hope. `hasWaited`: another process had the lease.
 * Rejects with errors of the metadata store.
 */
export async function waitForLease(
  name: string,
  { leases, metadata, now, maxWaitSeconds, pauses, lease: options }: LeaseWaitOptions,
): Promise<{ readonly lease: Lease | undefined; readonly hasWaited: boolean }> {
  const deadline = performance.now() + maxWaitSeconds * 1000;
  for (let tries = 1; ; tries++) {
    const held = await metadata.leases.find(name, now());
    const lease = held ? undefined : await leases.take(name, options);
    const pause = pauseAfter(tries, pauses);
    const isTooLate = performance.now() + Math.max(pause, Number(held?.note ?? 0)) > deadline;
    if (lease || isTooLate) return { lease, hasWaited: tries > 1 };
    await delay(pause);
  }
}

export interface AbandonedLeaseOptions {
  readonly leases: Leases;
  readonly metadata: { readonly leases: Pick<MetadataStore['leases'], 'findState'> };
  /** Called once before the wait, with the end of the lease that another process has: milliseconds since 1970, by its clock. */
  readonly onWait: (until: number) => void;
  /** Waits for some milliseconds. */
  readonly pause?: (milliseconds: number) => Promise<unknown>;
}

const abandonedTryMilliseconds = 250;

/**
 * Takes a lease whose holder may have been killed: waits for its end. Resolves to undefined as soon as the holder renews it: then
 * it lives. Rejects with errors of the metadata store.
 */
export async function takeAbandonedLease(
  name: string,
  { leases, metadata, onWait, pause = delay }: AbandonedLeaseOptions,
): Promise<Lease | undefined> {
  let end: number | undefined;
  for (;;) {
    const lease = await leases.take(name);
    if (lease) return lease;
    const state = await metadata.leases.findState(name);
    if (end === undefined && state) onWait(state.heldUntil);
    else if (state && state.heldUntil !== end) return undefined;
    end = state?.heldUntil ?? end;
    await pause(abandonedTryMilliseconds);
  }
}
