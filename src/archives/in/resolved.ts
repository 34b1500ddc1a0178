import type { Digest } from '../../oci/digest.ts';
import type { StagedBlob } from './staging.ts';

/** A manifest as it will be stored. */
export interface ResolvedManifest {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly bytes: Buffer;
  /** Entries of an index that the archive does not have. */
  readonly optional?: readonly Digest[];
}

/** An image of an archive, with everything that it consists of. */
export interface ResolvedImage {
  /** Names that the archive gives it, such as `registry.example.com/team/app:1.2` or only `1.2`. */
  readonly names: readonly string[];
  /** The manifest or index of the image. */
  readonly digest: Digest;
  /** In the order in which they can be stored: an index comes after its children. */
  readonly manifests: readonly ResolvedManifest[];
  /** Config and layers of all manifests. */
  readonly blobs: readonly ResolvedBlob[];
  /** Platforms of the images, such as `linux/amd64`. */
  readonly platforms: readonly string[];
  /** What an index lists and the archive does not have: platforms, or digests of entries without a platform. */
  readonly missing: readonly string[];
  /** What is different from the archive, in a sentence. */
  readonly note: string | undefined;
}

/** Content that is stored as a blob: staged already, or a document in memory. */
export interface ResolvedBlob {
  readonly digest: Digest;
  readonly sizeBytes: number;
  readonly source: StagedBlob | Buffer;
}
