import type { Subjects } from './queries/subjects.ts';

/**
 * THE CONTRACT of a metadata store: the operations by subject that the modules of `queries/` declare, for example
 * `metadata.manifests.findByTag(…)`.
 *
 * - A read sees every write that has resolved, in any process.
 * - A write is one transaction, durable once resolved (survives power loss).
 * - Arguments and results are plain data (structured clone).
 * - A write that a quota does not allow rejects with `QuotaRefusal`, and has changed nothing.
 * - A store that cannot be reached rejects with `MetadataError` `unavailable`, and never resolves to an empty result.
 */
export interface MetadataStore extends Subjects {
  readonly name: string;
  /**
   * Rejects `unavailable` if the store does not answer, `denied` if it cannot be written, and, after a write has failed, as
   * another write does. Cheap: used by `/readyz`.
   */
  check(): Promise<void>;
  /** Closes the store. Resolves when all writes in progress have ended. Idempotent. */
  close(): Promise<void>;
}

/**
 * `read_only`: the installation is being transferred. `not_empty`: the target of a transfer has content. `denied`: the database
 * cannot be written. `damaged`: the file is no database, or a damaged one. `lost`: it has no content although the blob store has
 * some.
 */
export type MetadataErrorCode =
  'unavailable' | 'newer_schema' | 'no_space' | 'read_only' | 'not_empty' | 'denied' | 'damaged' | 'lost' | 'closed';

export class MetadataError extends Error {
  override readonly name = 'MetadataError';
  readonly code: MetadataErrorCode;

  constructor(code: MetadataErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}
