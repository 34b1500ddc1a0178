import type { BlobDriver } from '../../../storage/blobs/driver.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import type { createSemaphore } from '../../coordination/semaphore.ts';
import type { LocalNameOf } from './read-links.ts';
import type { Shard } from './shards.ts';

export interface AdoptOptions {
  /** Without the operations that change a store. */
  readonly driver: Pick<BlobDriver, 'listEntries' | 'read' | 'stat'>;
  readonly metadata: Pick<MetadataStore, 'adoption' | 'adoptionBlobs' | 'adoptionLinks' | 'adoptionOddities'>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Larger manifests are not adopted, in bytes. */
  readonly maxManifestBytes: number;
  /**
   * What is listed in a new run: blobs, links or both. Links alone suffice if the blobs are recorded; others are looked up.
   * Default: both.
   */
  readonly kinds?: readonly Shard['kind'][];
  /** Adopts the content of a pull-through cache as if clients had pushed it. */
  readonly includesCache: boolean;
  /** Adopts the store as mirrored content of this upstream, as the first run has done. Undefined: as pushed content. */
  readonly upstream?: AdoptedUpstream | undefined;
  /** Accepts `upstream` for a store without the file that a pull-through cache writes. Default: false. */
  readonly assumesCache?: boolean;
  readonly signal: AbortSignal;
  /** Entries of a page, which is one transaction. Default: 500. */
  readonly pageSize?: number;
  /** Called after each page. */
  readonly onProgress: (progress: AdoptProgress) => void;
}

/** The upstream whose content a pull-through cache has. */
export interface AdoptedUpstream {
  readonly name: string;
  /** Returns the name of its repository in berth; undefined if that would be too long. */
  readonly localNameOf: LocalNameOf;
}

export interface AdoptProgress {
  /** Parts of the store that are done, as a fraction of all. */
  readonly part: number;
  /** Files and objects that this process has listed. */
  readonly entries: number;
}

/** What the work on a shard needs. */
export interface AdoptParts extends Pick<AdoptOptions, 'driver' | 'metadata' | 'now' | 'maxManifestBytes' | 'upstream'> {
  readonly pageSize: number;
  /** Limits how many objects are read at once. */
  readonly limited: ReturnType<typeof createSemaphore>;
  /** Called after each page with the number of its entries. Throws when the adoption shall stop. */
  readonly onPage: (entries: number) => void;
}

/** The store cannot be adopted; the message says why, and what to do. */
export class CannotAdopt extends Error {
  override readonly name = 'CannotAdopt';
}
