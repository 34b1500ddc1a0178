import type { Digest } from '../../../../src/oci/digest.ts';
import { type Query, all, concurrentWrite, read, run } from '../steps/query.ts';
import { type ShardStep, type StoredOddity, advanceShard, inSteps, insertInSteps, insertOddities } from './steps.ts';

/** Blobs of an adopted store. Times are milliseconds since 1970. */

export interface StoredBlob {
  readonly digest: Digest;
  readonly sizeBytes: number;
  /** Time of the last change of its file. */
  readonly modifiedAt: number;
}

export interface KnownBlob {
  readonly digest: Digest;
  readonly sizeBytes: number;
}

/** A page of the listing of blobs. */
export interface BlobPage extends ShardStep {
  /** The last path of the page before. The oddities between the two are replaced. */
  readonly after: string;
  readonly blobs: readonly StoredBlob[];
  readonly oddities: readonly StoredOddity[];
}

/** Lists recorded blobs behind `after` and before `before` (both exclusive), ascending. */
export const list = read(function* (after: string, before: string, limit: number): Query<readonly KnownBlob[]> {
  return yield* all<KnownBlob>(
    `SELECT digest AS "digest", size_bytes AS "sizeBytes" FROM blobs WHERE digest > ? AND digest < ? ORDER BY digest LIMIT ?`,
    after,
    before,
    limit,
  );
});

/** Returns those of the blobs that are recorded, with their sizes. */
export const listKnown = read(function* (digests: readonly Digest[]): Query<readonly KnownBlob[]> {
  const known: KnownBlob[] = [];
  for (const batch of inSteps(digests)) {
    const marks = batch.map(() => '?').join(', ');
    known.push(
      ...(yield* all<KnownBlob>(
        `SELECT digest AS "digest", size_bytes AS "sizeBytes" FROM blobs WHERE digest IN (${marks})`,
        ...batch,
      )),
    );
  }
  return known;
});

/** Records the blobs of a page; known ones stay as they are. */
export const store = concurrentWrite(function* (page: BlobPage): Query<void> {
  yield* insertBlobs(page.blobs);
  yield* run('DELETE FROM adoption_oddities WHERE path > ? AND path <= ?', page.after, page.position);
  yield* insertOddities(page.oddities);
  yield* advanceShard(page);
});

/** Records blobs. In one order: writers that run beside each other must not wait for each other in a circle. */
export function* insertBlobs(blobs: readonly StoredBlob[]): Query<void> {
  yield* insertInSteps(
    'INSERT INTO blobs (digest, size_bytes, created_at)',
    blobs
      .toSorted((one, other) => (one.digest < other.digest ? -1 : 1))
      .map(({ digest, sizeBytes, modifiedAt }) => [digest, sizeBytes, modifiedAt]),
    'ON CONFLICT (digest) DO NOTHING',
  );
}
