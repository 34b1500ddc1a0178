import type { Digest } from '../../oci/digest.ts';
import type { Pattern } from '../../oci/patterns/repository-pattern.ts';
import type { TagPattern } from '../../oci/patterns/tag-pattern.ts';
import type { RepositoryName } from '../../oci/reference.ts';
import type { Schedule } from '../retention/schedule.ts';

/** An entry of `sync`: what is copied, and when. One side is this registry, the other one is another registry. */
export interface SyncEntry {
  /** Names the entry in messages, and its records in the metadata store. */
  readonly name: string;
  /** Repositories at the source, and the names that they get at the target: patterns of one kind. */
  readonly from: Pattern;
  readonly to: Pattern;
  readonly tags: TagChoice;
  /** `linux/amd64`, `linux/arm64/v8`; undefined: all that an image has. */
  readonly platforms: readonly string[] | undefined;
  /** Signatures, SBOMs and attestations are copied too. */
  readonly withReferrers: boolean;
  /** `trash`: tags that the source does not have any more are deleted at the target. */
  readonly deletions: 'none' | 'trash';
  readonly schedule: Schedule;
  /** Limit for all blobs of the entry together; undefined: none. */
  readonly bytesPerSecond: number | undefined;
}

/** The tags of a repository that are copied. */
export interface TagChoice {
  /** One of these must match. */
  readonly included: readonly TagPattern[];
  /** None of these may match. */
  readonly excluded: readonly TagPattern[];
  /** Only so many of them, the newest versions first; undefined: all. */
  readonly newest: number | undefined;
}

/** A repository, as both sides name it. */
export interface RepositoryPair {
  readonly from: RepositoryName;
  readonly to: RepositoryName;
}

/** A manifest as it is stored, byte for byte. */
export interface ManifestContent {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly bytes: Buffer;
}

/** What both sides can tell about tags and manifests. */
export interface Side {
  /** Returns the manifest that the tag points at; undefined if the registry says that it has no such tag. */
  findTag(repository: RepositoryName, tag: string): Promise<Digest | undefined>;
  /** Returns the manifest, its digest verified. Rejects if it is not there. */
  manifest(repository: RepositoryName, digest: Digest): Promise<ManifestContent>;
  /** Returns the bytes from `first` to `last`, both inclusive. Chunks stay valid. */
  openBlob(repository: RepositoryName, digest: Digest, first: number, last: number): AsyncIterable<Uint8Array>;
}

/** Where content comes from. Every listing is complete, or rejects. */
export interface Source extends Side {
  /** Returns the repositories that the entry is for. */
  listRepositories(): Promise<readonly RepositoryName[]>;
  listTags(repository: RepositoryName): Promise<readonly string[]>;
  /** Returns the manifests whose subject is `subject`. */
  listReferrers(repository: RepositoryName, subject: Digest): Promise<readonly Digest[]>;
}

/** Where content goes to. Each method that writes is durable once resolved. */
export interface Target extends Side {
  hasManifest(repository: RepositoryName, digest: Digest): Promise<boolean>;
  hasBlob(repository: RepositoryName, digest: Digest): Promise<boolean>;
  /** Takes the blob from another repository that the entry writes to. False if none has it. */
  mountBlob(repository: RepositoryName, digest: Digest): Promise<boolean>;
  /**
   * Stores a blob. Continues an upload that was broken off, also by the end of the process. `open` reads the source from `first`
   * to `last`, both inclusive.
   */
  putBlob(repository: RepositoryName, blob: SizedBlob, open: BlobReader): Promise<void>;
  /** Stores a manifest under its digest. `optional`: entries of an index that may be missing. */
  putManifest(repository: RepositoryName, content: ManifestContent, optional: readonly Digest[]): Promise<void>;
  /** Points the tag at a stored manifest. */
  putTag(repository: RepositoryName, tag: string, content: ManifestContent, optional: readonly Digest[]): Promise<void>;
  /** Rejects if the tag may not point at another manifest, before anything is copied for it. */
  checkTag(repository: RepositoryName, tag: string): Promise<void>;
  /** Deletes the tag if it points at the digest. A manifest that loses its last tag goes to the trash. */
  deleteTag(repository: RepositoryName, tag: string, digest: Digest): Promise<void>;
}

export interface SizedBlob {
  readonly digest: Digest;
  readonly sizeBytes: number;
}

export type BlobReader = (first: number, last: number) => AsyncIterable<Uint8Array>;
