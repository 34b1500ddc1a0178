import { StorageError, type StorageErrorCode } from '../../storage/blobs/driver.ts';
import { MetadataError, type MetadataErrorCode } from '../../storage/metadata/store.ts';
import { OciError, type OciErrorCode } from '../oci/errors.ts';

interface Answer {
  readonly code: OciErrorCode;
  readonly status?: number;
  readonly message?: string;
}

/**
 * The one place where failures of the stores become what a client may read. A failure that is not listed is a defect or
 * an inconsistency, and stays as it is: a 500. "I could not look" is never a 404.
 */
const answers: Partial<Record<StorageErrorCode | MetadataErrorCode, Answer>> = {
  unavailable: { code: 'UNAVAILABLE' },
  closed: { code: 'UNAVAILABLE', message: 'the registry is shutting down' },
  read_only: { code: 'UNAVAILABLE', message: 'the registry is moving and takes no changes for a moment: try again' },
  no_space: { code: 'INSUFFICIENT_STORAGE' },
  too_large: { code: 'SIZE_INVALID', status: 413, message: 'the blob is larger than the store can hold' },
};

const retryAfterSeconds = '5';

/** What the operating system says, for clients: without the paths that its own message has. */
const refusals: Readonly<Record<string, string>> = {
  EROFS: 'its file system is read-only',
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
};

function denied(error: StorageError | MetadataError): Answer {
  const { code = '' } = (error.cause ?? {}) as NodeJS.ErrnoException;
  const reason = error instanceof MetadataError ? 'its database is read-only' : (refusals[code] ?? 'access denied');
  return { code: 'UNAVAILABLE', message: `the registry cannot use its storage: ${reason}` };
}

/** `error` as a client may read it, or itself where there is no such form. */
export function toClientError(error: unknown): unknown {
  if (!(error instanceof StorageError) && !(error instanceof MetadataError)) return error;
  const answer = error.code === 'denied' ? denied(error) : answers[error.code];
  if (!answer) return error;
  const headers: Record<string, string> = answer.code === 'UNAVAILABLE' ? { 'Retry-After': retryAfterSeconds } : {};
  return new OciError(answer.code, { ...answer, headers, cause: error });
}

/** Runs `work`; its storage failures are thrown in their client form. */
export async function translating<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw toClientError(error);
  }
}
