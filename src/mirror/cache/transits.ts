import type { BlobDriver, ObjectKey } from '../../../storage/blobs/driver.ts';
import { blobKey, trashKey } from '../../../storage/blobs/layout.ts';
import { unlessMissing } from '../../../storage/blobs/missing.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import type { Trash } from '../../registry/trash.ts';

/** Bytes that are counted as coming or leaving although whoever moved them has failed, or died. */
export interface Transits {
  /** Ends what should have come: bytes that nobody has recorded are set aside. */
  settleArrival(digest: string): Promise<void>;
  /** Ends all that take too long. */
  settleOld(): Promise<void>;
}

export interface TransitsOptions {
  readonly driver: BlobDriver;
  readonly metadata: MetadataStore;
  readonly trash: Trash;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Longer than copying a blob into the store takes. */
const arrivalMilliseconds = 3600_000;
const departureMilliseconds = 60_000;
const batch = 100;

export function createTransits({ driver, metadata, trash, now }: TransitsOptions): Transits {
  const exists = async (key: ObjectKey) => (await unlessMissing(driver.stat(key))) !== undefined;

  async function settleArrival(digest: string): Promise<void> {
    if (!(await metadata.findContent(digest))) await trash.setAside(digest);
    await metadata.endTransits([digest], false);
  }

  /** The trash ends it when it finds the bytes there. */
  async function settleDeparture(digest: string): Promise<void> {
    const isKept = (await metadata.findContent(digest)) !== undefined;
    if (!isKept && (await exists(blobKey(digest)))) await trash.setAside(digest);
    if (!(await exists(trashKey(digest)))) await metadata.endTransits([digest], true);
  }

  return {
    settleArrival,
    async settleOld() {
      for (const { digest } of await metadata.transitsSince(now() - arrivalMilliseconds, false, batch)) {
        await settleArrival(digest);
      }
      for (const { digest } of await metadata.transitsSince(now() - departureMilliseconds, true, batch)) {
        await settleDeparture(digest);
      }
    },
  };
}
