/** What a run has done so far. */
export interface SyncSummary {
  readonly repositories: number;
  /** Tags that were looked at. */
  readonly tags: number;
  readonly copiedTags: number;
  readonly deletedTags: number;
  /** Tags that differ, because the target has moved or deleted them, or has the newer image. */
  readonly keptTags: number;
  readonly copiedManifests: number;
  readonly copiedBlobs: number;
  /** Blobs that the target had already. */
  readonly skippedBlobs: number;
  readonly copiedBytes: number;
}

/** Counts what a run does. */
export interface Progress {
  summary(): SyncSummary;
  repositoryBegun(): void;
  tagSeen(): void;
  tagCopied(): void;
  tagDeleted(): void;
  tagKept(): void;
  manifestCopied(): void;
  blobCopied(): void;
  blobSkipped(): void;
  bytesCopied(bytes: number): void;
}

const nothing: SyncSummary = {
  repositories: 0,
  tags: 0,
  copiedTags: 0,
  deletedTags: 0,
  keptTags: 0,
  copiedManifests: 0,
  copiedBlobs: 0,
  skippedBlobs: 0,
  copiedBytes: 0,
};

/** `changed` is called after each step. */
export function createProgress(changed: (summary: SyncSummary) => void = () => undefined): Progress {
  let summary = nothing;
  const add = (name: keyof SyncSummary, count: number): void => {
    summary = { ...summary, [name]: summary[name] + count };
    changed(summary);
  };
  return {
    summary: () => summary,
    repositoryBegun: () => add('repositories', 1),
    tagSeen: () => add('tags', 1),
    tagCopied: () => add('copiedTags', 1),
    tagDeleted: () => add('deletedTags', 1),
    tagKept: () => add('keptTags', 1),
    manifestCopied: () => add('copiedManifests', 1),
    blobCopied: () => add('copiedBlobs', 1),
    blobSkipped: () => add('skippedBlobs', 1),
    bytesCopied: (bytes) => add('copiedBytes', bytes),
  };
}
