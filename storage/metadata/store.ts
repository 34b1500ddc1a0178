import type { Subjects } from './queries/subjects.ts';

/**
 * THE CONTRACT of a metadata store: its operations by subject, as the modules of `queries/` declare them, for example
 * `metadata.manifests.findByTag(…)`.
 *
 * - A read sees every write already resolved, by any process.
 * - A write is one transaction: all of it or nothing. Durable (survives power loss) once resolved.
 * - Arguments and results are plain data (structured clone).
 * - A store that cannot be reached rejects with `MetadataError` `unavailable`: never an empty answer instead.
 */
export interface MetadataStore extends Subjects {
  readonly name: string;
  /** Rejects `unavailable` when the store does not answer, `denied` when it cannot be written. Cheap: used by `/readyz`. */
  check(): Promise<void>;
  /** Resolves when all writes begun are done. Idempotent. */
  close(): Promise<void>;
}

/**
 * `read_only`: the installation is moving elsewhere. `not_empty`: the place that it should move to is taken. `denied`: the
 * database cannot be written. `damaged`: it is not a database, or no longer a whole one. `lost`: it has no content although
 * the blob store has.
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
