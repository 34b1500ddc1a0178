import type { RepositoryName } from '../../../../src/oci/reference.ts';
import { type Query, first, read, run, write } from '../steps/query.ts';

/** Stored listings of upstreams. Times are milliseconds since 1970. */

/** One page of a listing, as its upstream last sent it. */
export interface StoredListing {
  readonly repository: RepositoryName;
  /** Path below the repository, with the query. */
  readonly path: string;
  /** JSON. */
  readonly document: string;
  /** Query of the next page, or null. */
  readonly next: string | null;
  readonly fetchedAt: number;
}

/** Finds the page as the upstream last sent it. */
export const find = read(function* (
  repository: RepositoryName,
  path: string,
): Query<Omit<StoredListing, 'repository' | 'path'> | undefined> {
  return yield* first<Omit<StoredListing, 'repository' | 'path'>>(
    `SELECT document AS "document", next AS "next", fetched_at AS "fetchedAt"
       FROM mirrored_listings WHERE repository = ? AND path = ?`,
    repository,
    path,
  );
});

/** Stores the page in place of the former one, and deletes all but the `maxListings` newest pages. */
export const record = write(function* (listing: StoredListing, maxListings: number): Query<void> {
  yield* run(
    `INSERT INTO mirrored_listings (repository, path, document, next, fetched_at) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (repository, path) DO UPDATE SET document = excluded.document, next = excluded.next,
       fetched_at = excluded.fetched_at`,
    listing.repository,
    listing.path,
    listing.document,
    listing.next,
    listing.fetchedAt,
  );
  yield* run(
    `DELETE FROM mirrored_listings
      WHERE fetched_at < (SELECT fetched_at FROM mirrored_listings ORDER BY fetched_at DESC LIMIT 1 OFFSET ?)`,
    maxListings - 1,
  );
});
