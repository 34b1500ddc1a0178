import type { Digest } from '../../oci/digest.ts';
import type { RepositoryName } from '../../oci/reference.ts';

/** What decisions about a repository depend on, apart from the rules and the time. Times are milliseconds since 1970. */
export interface RepositoryState {
  readonly name: RepositoryName;
  readonly tags: readonly TagState[];
  /** Manifests that nothing keeps but the rules: without a tag, a parent or a subject. */
  readonly untagged: readonly UntaggedState[];
  /** Since when pulls are recorded. An image without a recorded pull counts as pulled then. */
  readonly pullsRecordedSince: number;
}

export interface ImageState {
  readonly digest: Digest;
  /** When the image says that it was built; undefined: it does not say. */
  readonly createdAt: number | undefined;
  /** The last recorded pull; undefined: none. */
  readonly pulledAt: number | undefined;
  /** A person's hold on the image; undefined: none. */
  readonly hold: Hold | undefined;
}

export interface Hold {
  readonly reason: string;
  /** Undefined for a hold without an end. */
  readonly until: number | undefined;
}

export interface TagState extends ImageState {
  readonly tag: string;
  /** When the tag was last pushed. */
  readonly pushedAt: number;
}

export interface UntaggedState extends ImageState {
  /** When the manifest was last pushed, or lost its last tag. */
  readonly pushedAt: number;
}
