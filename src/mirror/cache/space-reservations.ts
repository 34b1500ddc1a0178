import type { BlobDriver, ObjectKey } from '../../../storage/blobs/driver.ts';
import { blobKey, trashKey } from '../../../storage/blobs/layout.ts';
import { unlessMissing } from '../../../storage/blobs/missing.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import type { Trash } from '../../content/trash.ts';
import type { Digest } from '../../oci/digest.ts';

/** Space that is reserved for content on its way in, and counted for content on its way out. */
export interface SpaceReservations {
  /**
   * Runs `work`, which stores and records content that space was reserved for. While it runs, `renew` keeps the
   * reservation; if it rejects, the reservation ends and unrecorded bytes are set aside.
   */
  arriving<Result>(digest: Digest, work: () => Promise<Result>): Promise<Result>;
  /** Keeps the reservations of this process. To be called more often than they expire. */
  renew(): Promise<void>;
  /** Ends expired reservations: their processes have failed or crashed. */
  releaseExpired(): Promise<void>;
  /** Ends all reservations: only before this process serves, and where no other one shares the stores. */
  settleAllArrivals(): Promise<void>;
}

export interface SpaceReservationsOptions {
  readonly driver: BlobDriver;
  readonly metadata: MetadataStore;
  readonly trash: Trash;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Of a reservation that is not renewed; processes renew theirs every ten seconds. */
const arrivalMilliseconds = 60_000;
const departureMilliseconds = 60_000;
const batch = 100;

export function createSpaceReservations({ driver, metadata, trash, now }: SpaceReservationsOptions): SpaceReservations {
  const arrivals = new Set<Digest>();
  const exists = async (key: ObjectKey) => (await unlessMissing(driver.stat(key))) !== undefined;

  async function settleArrival(digest: Digest): Promise<void> {
    if (!(await metadata.blobs.isRecorded(digest))) await trash.setAside(digest);
    await metadata.mirrorSpace.release([digest], false);
  }

  async function settleArrivals(before: number): Promise<void> {
    for (;;) {
      const expired = await metadata.mirrorSpace.listReservations(before, false, batch);
      for (const { digest } of expired) await settleArrival(digest);
      if (expired.length < batch) return;
    }
  }

  /** The trash ends it when it finds the bytes there. */
  async function settleDeparture(digest: Digest): Promise<void> {
    const isKept = await metadata.blobs.isRecorded(digest);
    if (!isKept && (await exists(blobKey(digest)))) await trash.setAside(digest);
    if (!(await exists(trashKey(digest)))) await metadata.mirrorSpace.release([digest], true);
  }

  return {
    async arriving(digest, work) {
      arrivals.add(digest);
      try {
        return await work();
      } catch (error) {
        await settleArrival(digest);
        throw error;
      } finally {
        arrivals.delete(digest);
      }
    },
    async renew() {
      if (arrivals.size > 0) await metadata.mirrorSpace.renewReservations([...arrivals], now());
    },
    settleAllArrivals: () => settleArrivals(Number.MAX_SAFE_INTEGER),
    async releaseExpired() {
      await settleArrivals(now() - arrivalMilliseconds);
      for (const { digest } of await metadata.mirrorSpace.listReservations(now() - departureMilliseconds, true, batch)) {
        await settleDeparture(digest);
      }
    },
  };
}
