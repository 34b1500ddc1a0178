import type { Digest } from '../../oci/digest.ts';
import type { RepositoryName } from '../../oci/reference.ts';

/** State of a repository that decisions depend on, apart from the rules and the time. Times are milliseconds since 1970. */
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
  /** Build time that the image states; undefined: it states none. */
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
  /** Time of the tag's last push. */
  readonly pushedAt: number;
}

export interface UntaggedState extends ImageState {
  /** Time of the manifest's last push, or of the loss of its last tag if that is later. */
  readonly pushedAt: number;
}
