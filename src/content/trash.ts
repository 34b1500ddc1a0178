import { randomUUID } from 'node:crypto';
import { type BlobDriver, type ObjectKey, StorageError } from '../../storage/blobs/driver.ts';
import { blobKey, indexKey, trashKey, trashPrefix, trashedDigest } from '../../storage/blobs/layout.ts';
import { unlessMissing } from '../../storage/blobs/missing.ts';
import { QuotaRefusal } from '../../storage/metadata/queries/steps/quotas.ts';
import { MetadataError, type MetadataStore } from '../../storage/metadata/store.ts';
import type { Digest } from '../oci/digest.ts';
import { claimLost, takeClaim } from './claims.ts';
import { isRecent } from '../coordination/recent.ts';

/**
 * Deletes content in two steps. A push stores the bytes first and records them then: in between another process may find
 * bytes without a record. So the trash keeps bytes for a grace, looks for records again, and only then deletes them.
 */
export interface Trash {
  /** Sets aside the bytes of content that the metadata store has just forgotten. */
  setAside(digest: Digest): Promise<void>;
  /**
   * Sets the bytes aside, and deletes them if `mayDelete` resolves to true then. If it does not, or this process dies, `empty`
   * gives recorded bytes their place again. Not durable: the bytes may be back after a power loss. Resolves to false if they
   * were not deleted.
   */
  deleteIf(digest: Digest, mayDelete: () => Promise<boolean>): Promise<boolean>;
  /** Deletes what was set aside long enough ago; puts back what has been recorded again meanwhile. */
  empty(): Promise<void>;
}

export interface TrashOptions {
  readonly driver: BlobDriver;
  readonly metadata: MetadataStore;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Called with the digests whose bytes have left the trash: deleted, or put back. */
  readonly onLeft?: (digests: readonly Digest[]) => Promise<void>;
}

/** Longer than from a blob's last byte to its record; where that takes longer, `storeThenRecord` looks again. */
export const graceMilliseconds = 2000;
const certainMilliseconds = graceMilliseconds / 2;
/** So often a writer stores bytes again that were deleted while it recorded them. */
const maxLosses = 3;
/** How often the trash is looked through although this process has put nothing there: another one may have died. */
const lookMilliseconds = 60_000;

export function createTrash({ driver, metadata, now, onLeft }: TrashOptions): Trash {
  /** When this process first saw it: what another one has left waits anew. */
  const seen = new Map<ObjectKey, number>();
  /** Listing costs something, most of all at S3. */
  let mayHold = true;
  let lookedAt = 0;

  async function putBack(key: ObjectKey, digest: Digest): Promise<void> {
    if (await unlessMissing(driver.stat(blobKey(digest)))) await driver.delete([key]);
    else await move(key, blobKey(digest));
  }

  /** Another process may have been quicker. */
  async function move(from: ObjectKey, to: ObjectKey): Promise<void> {
    await unlessMissing(driver.move(from, to));
  }

  return {
    async setAside(digest) {
      await move(blobKey(digest), trashKey(digest));
      // Only now does the grace begin: moving takes its time at S3, and meanwhile the bytes are found where they were.
      seen.set(trashKey(digest), now());
      mayHold = true;
    },

    async deleteIf(digest, mayDelete) {
      // A place of its own: what another process sets aside meanwhile is not for this one to delete.
      const key = trashKey(digest, randomUUID());
      mayHold = true;
      const isMoved = await unlessMissing(driver.move(blobKey(digest), key, { isDurable: false }).then(() => true));
      // Only what is certainly gone may be forgotten.
      if (!isMoved && (await unlessMissing(driver.stat(blobKey(digest))))) {
        throw new StorageError('unavailable', `the bytes of ${digest} were not found, although they are there`);
      }
      if (!(await mayDelete())) return false;
      const failure = (await driver.delete([key, indexKey(digest)])).get(key);
      if (failure) throw failure;
      return true;
    },

    async empty() {
      if (!mayHold && isRecent(lookedAt, lookMilliseconds, now())) return;
      mayHold = false;
      lookedAt = now();
      const left: Digest[] = [];
      for await (const key of driver.list(trashPrefix)) {
        const digest = trashedDigest(key);
        const seenAt = seen.get(key);
        // A clock that was set back begins the time anew.
        const since = seenAt !== undefined && seenAt <= now() ? seenAt : undefined;
        mayHold = true;
        if (since === undefined) seen.set(key, now());
        // A writer may have found the bytes before they were set aside, and is about to record them. The record ends its
        // claim: only a look at the claims before the one at the records sees either.
        const isClaimed = digest !== undefined && (await metadata.claims.isClaimed(digest));
        if (digest && (await metadata.blobs.isRecorded(digest))) await putBack(key, digest);
        else if (isClaimed || since === undefined || now() - since < graceMilliseconds) continue;
        else await driver.delete(digest ? [key, indexKey(digest)] : [key]);
        seen.delete(key);
        if (digest) left.push(digest);
      }
      if (left.length > 0) await onLeft?.(left);
    },
  };
}

export interface Recording<Result> {
  readonly digest: Digest;
  /** Makes sure of the bytes. Called again if the claim on them was lost, or the bytes are gone. */
  readonly store: () => Promise<unknown>;
  /**
   * Records the bytes in a transaction that ends the claim. Resolves to `claimLost` if the claim had been taken away.
   * Called again after each call of `store`.
   */
  readonly record: (claimant: string) => Promise<Result | typeof claimLost>;
}

/**
 * Claims content, stores it and records it: between the first and the last no collector deletes the bytes. Bytes that were there
 * already may have been set aside by an eviction before the record: soon after, the trash finds the record and puts them back.
 * Where recording took so long that the trash may have missed it, this function looks itself, and stores bytes again that are
 * gone: their records stay, because other clients may rely on them. Rejects `unavailable` when the bytes are gone again and
 * again, or are being deleted for longer than a few seconds: the client sends its request again. When the metadata store or
 * a quota has no space for the record, the bytes go to the trash unless other records need them, so that they do not keep
 * the disk full.
 */
export async function storeThenRecord<Result>(
  { driver, metadata, now }: Pick<TrashOptions, 'driver' | 'metadata' | 'now'>,
  { digest, store, record }: Recording<Result>,
): Promise<Result> {
  for (let losses = 0; losses < maxLosses;) {
    const claim = await takeClaim(metadata, digest, now);
    try {
      const since = performance.now();
      await store();
      const result = await record(claim.claimant);
      if (result === claimLost) continue;
      if (performance.now() - since <= certainMilliseconds || (await findOrPutBack(driver, digest))) return result;
      losses++;
    } catch (error) {
      if (isWithoutRoom(error)) await discardUnrecorded(driver, metadata, digest, claim.claimant);
      throw error;
    } finally {
      claim.stop();
    }
  }
  throw new StorageError('unavailable', `the bytes of ${digest} were deleted while they were recorded`);
}

/** True if the record was refused for good: the metadata store is full, or a quota is. */
function isWithoutRoom(error: unknown): boolean {
  if (error instanceof MetadataError) return error.code === 'no_space';
  return error instanceof Error && error.cause instanceof QuotaRefusal;
}

/** Moves the content to the trash if no record needs it. Never rejects: the caller reports why the record failed. */
async function discardUnrecorded(driver: BlobDriver, metadata: MetadataStore, digest: Digest, claimant: string): Promise<void> {
  try {
    // The trash looks for records again before it deletes: another client may record the same content now.
    if (!(await metadata.blobs.isRecorded(digest))) await driver.move(blobKey(digest), trashKey(digest));
    // A claim would make the trash keep the bytes until it is reviewed.
    await metadata.claims.release(digest, claimant);
  } catch {
    // The bytes stay, without a record.
  }
}

/** True if the bytes are where readers look for them, also because they have just been moved there from the trash. */
async function findOrPutBack(driver: BlobDriver, digest: Digest): Promise<boolean> {
  const key = blobKey(digest);
  const succeeds = (work: Promise<unknown>) => unlessMissing(work.then(() => true));
  if (await succeeds(driver.stat(key))) return true;
  for await (const trashed of driver.list(trashKey(digest))) if (await succeeds(driver.move(trashed, key))) return true;
  // Where the move finds nothing, another process may have put them back in between.
  return (await succeeds(driver.stat(key))) ?? false;
}
