import type { Digest } from '../oci/digest.ts';
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type BackOff, pauseAfter } from '../../storage/back-off.ts';
import { StorageError } from '../../storage/blobs/driver.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';

/** The claim was taken away before its end: the bytes may be gone and nothing was recorded. */
export const claimLost = Symbol('the claim was taken away');

/** A writer's right to find the bytes of a digest where it has stored them, until it has recorded them. */
export interface ContentClaim {
  /** For the transaction that records the bytes and ends the claim. */
  readonly claimant: string;
  /** Stops renewing the claim. */
  stop(): void;
}

/** A collector lets a claim lapse that is not renewed for this time: its writer has died. */
export const claimMilliseconds = 60_000;

/** Deletions take milliseconds; only one that hangs, or whose process has died, lasts longer than this. */
const maxWaitMilliseconds = 10_000;
/** Milliseconds. */
const pauses: BackOff = { first: 20, longest: 500 };

/**
 * Claims the digest and renews the claim until `stop`. Waits while a collector deletes its bytes. Rejects `unavailable` after ten
 * seconds.
 */
export async function takeClaim(metadata: MetadataStore, digest: Digest, now: () => number): Promise<ContentClaim> {
  const end = performance.now() + maxWaitMilliseconds;
  const claimant = randomUUID();
  for (let tries = 1; ; tries++) {
    const time = now();
    if (await metadata.claims.take(digest, claimant, time, time + claimMilliseconds)) break;
    if (performance.now() > end) {
      throw new StorageError('unavailable', `the former bytes of ${digest} are being deleted and cannot be stored again yet`);
    }
    await delay(pauseAfter(tries, pauses));
  }
  const renew = () => metadata.claims.renew(digest, claimant, now() + claimMilliseconds).catch(() => undefined);
  const timer = setInterval(() => void renew(), claimMilliseconds / 3).unref();
  return { claimant, stop: () => clearInterval(timer) };
}
