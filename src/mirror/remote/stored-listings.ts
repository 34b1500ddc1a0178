import type { MetadataStore } from '../../../storage/metadata/store.ts';
import type { MirrorEvents } from '../events/mirror-events.ts';
import type { RepositoryName } from '../../oci/reference.ts';

/** One page of a listing as an upstream gave it. */
export interface ListingAnswer {
  readonly document: unknown;
  readonly next: URLSearchParams | undefined;
  /** Length of the document in bytes. */
  readonly sizeBytes: number;
  /** When it was fetched, in milliseconds since 1970. */
  readonly at: number;
}

/** Listings in the metadata store: they outlive the process, and serve all processes. */
export interface StoredListings {
  find(repository: RepositoryName, path: string): Promise<ListingAnswer | undefined>;
  /** Stores the answer, if it is not too large. Never rejects. */
  keep(repository: RepositoryName, path: string, answer: ListingAnswer): Promise<void>;
}

/** Larger pages are only kept in memory. */
const maxDocumentBytes = 512 * 1024;
/** Clients may make up any number of paths. */
const maxPathCharacters = 512;
const maxListings = 2000;

export function createStoredListings(
  metadata: Pick<MetadataStore, 'mirroredListings'>,
  events: Pick<MirrorEvents, 'listingNotStored'>,
): StoredListings {
  return {
    async find(repository, path) {
      const found = await metadata.mirroredListings.find(repository, path);
      return (
        found && {
          document: JSON.parse(found.document) as unknown,
          next: found.next === null ? undefined : new URLSearchParams(found.next),
          sizeBytes: Buffer.byteLength(found.document),
          at: found.fetchedAt,
        }
      );
    },
    async keep(repository, path, { document, next, sizeBytes, at }) {
      if (sizeBytes > maxDocumentBytes || path.length > maxPathCharacters) return;
      const listing = {
        repository,
        path,
        document: JSON.stringify(document),
        next: next?.toString() ?? null,
        fetchedAt: at,
      };
      await metadata.mirroredListings.record(listing, maxListings).catch(events.listingNotStored);
    },
  };
}
