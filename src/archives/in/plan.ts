import type { Digest } from '../../oci/digest.ts';
import type { RepositoryName } from '../../oci/reference.ts';

/** An uploaded archive that waits for its commit, as the metadata store keeps it (JSON). */
export interface ArchivePlan {
  readonly images: readonly PlannedImage[];
  /** Staged blobs by digest. */
  readonly blobs: Readonly<Record<Digest, PlannedBlob>>;
}

export interface PlannedBlob {
  /** The id of the upload session. */
  readonly session: string;
  readonly sizeBytes: number;
}

export interface PlannedImage {
  readonly names: readonly string[];
  readonly digest: Digest;
  readonly platforms: readonly string[];
  /** What an index lists and the archive does not have: platforms, or digests of entries without a platform. */
  readonly missing?: readonly string[];
  readonly note: string | undefined;
  readonly manifests: readonly PlannedManifest[];
  readonly blobs: readonly Digest[];
}

export interface PlannedManifest {
  readonly digest: Digest;
  readonly mediaType: string;
  /** Base64. */
  readonly bytes: string;
  /** Entries of an index that the archive does not have. */
  readonly optional?: readonly Digest[];
}

/** An uploaded archive without its content. Times are milliseconds since 1970. */
export interface ArchiveSummary {
  readonly id: string;
  /** Where its upload sessions count, and where its images go unless the commit says otherwise. */
  readonly repository: RepositoryName;
  /** As the client named the file; '' if it did not. */
  readonly fileName: string;
  readonly startedAt: number;
  /** When it is deleted unless it is committed; the deletion follows within an hour. */
  readonly expiresAt: number;
}

/** An archive that can be committed. */
export interface StagedArchive extends ArchiveSummary {
  readonly plan: ArchivePlan;
}
