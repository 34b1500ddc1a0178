import type { Digest } from '../../../../src/oci/digest.ts';
import type { RepositoryName } from '../../../../src/oci/reference.ts';
import type { DescribedManifest, ExpectedContent } from '../steps/content.ts';
import type { StoredBlob } from './blobs.ts';
import type { ShardStep, StoredOddity } from './steps.ts';

// What a run of an adoption records. Times are milliseconds since 1970: those of the link files.

/** A link as it was when it was read. */
export interface ReadLink {
  readonly path: string;
  readonly modifiedAt: number;
  readonly sizeBytes: number;
  /** What was adopted: the digest of the layer, of the manifest, or that the tag points at. Null: nothing. */
  readonly digest: Digest | null;
}

export interface AdoptedLayer extends ExpectedContent {
  readonly repository: RepositoryName;
  readonly modifiedAt: number;
  /** Path of the link. */
  readonly path: string;
}

export interface AdoptedManifest extends DescribedManifest {
  readonly references: readonly AdoptedReference[];
  readonly modifiedAt: number;
  /** Path of the link. */
  readonly path: string;
}

/** Content that a manifest names. */
export interface AdoptedReference {
  readonly digest: Digest;
  /** Undefined if the manifest does not state it. */
  readonly sizeBytes: number | undefined;
}

export interface AdoptedTag {
  readonly repository: RepositoryName;
  readonly tag: string;
  readonly digest: Digest;
  readonly modifiedAt: number;
  /** What the link pointed at when it was read before; null: it was not. */
  readonly before: Digest | null;
  /** Path and size of the link. */
  readonly path: string;
  readonly sizeBytes: number;
}

/** A page of the listing of links. */
export interface LinkPage extends ShardStep {
  /** The upstream whose mirrored content this is; null: it is adopted as pushed. */
  readonly upstream: string | null;
  /** Blobs that no transaction has recorded yet. */
  readonly blobs: readonly StoredBlob[];
  readonly layers: readonly AdoptedLayer[];
  readonly manifests: readonly AdoptedManifest[];
  readonly tags: readonly AdoptedTag[];
  /** Links that were read, except tags. Their oddities are replaced. */
  readonly links: readonly ReadLink[];
  readonly oddities: readonly StoredOddity[];
}

/** A link that is no longer in the store. */
export type RemovedLink = { readonly path: string; readonly repository: RepositoryName; readonly modifiedAt: number } & (
  | { readonly kind: 'layer' | 'revision'; readonly digest: Digest }
  | { readonly kind: 'tag'; readonly tag: string; readonly digest: Digest }
);
