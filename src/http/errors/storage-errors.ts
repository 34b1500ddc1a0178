import { StorageError, type StorageErrorCode } from '../../../storage/blobs/driver.ts';
import { MetadataError, type MetadataErrorCode } from '../../../storage/metadata/store.ts';
import { OciError, type OciErrorCode } from '../../oci/errors.ts';

interface Answer {
  readonly code: OciErrorCode;
  readonly status?: number;
  readonly message?: string;
}

/** A failure that is not listed is a defect or an inconsistency: a 500. A failed lookup is never a 404. */
const answers: Partial<Record<StorageErrorCode | MetadataErrorCode, Answer>> = {
  unavailable: { code: 'UNAVAILABLE' },
  closed: { code: 'UNAVAILABLE', message: 'the registry is shutting down' },
  read_only: { code: 'UNAVAILABLE', message: 'the registry is moving to other stores and accepts no changes now: try again' },
  no_space: { code: 'INSUFFICIENT_STORAGE' },
  too_large: { code: 'SIZE_INVALID', status: 413, message: 'the blob is larger than the store can hold' },
};

const retryAfterSeconds = 5;

/** Messages for errors of the operating system. Its own messages contain paths. */
const reasons: Readonly<Record<string, string>> = {
  EROFS: 'its file system is read-only',
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
};

/** Returns what a client reads of a failure of a store. */
export function classifyStorageError(error: StorageError | MetadataError): OciError {
  const answer = error.code === 'denied' ? denied(error) : isWithoutFiles(error) ? tooManyFiles : answers[error.code];
  if (!answer) return new OciError('INTERNAL');
  return new OciError(answer.code, answer.code === 'UNAVAILABLE' ? { ...answer, retryAfterSeconds } : answer);
}

const tooManyFiles: Answer = {
  code: 'UNAVAILABLE',
  message: 'the registry has too many open files and connections: try again later',
};

/** True if the process, or the whole system, can open no more files. */
function isWithoutFiles({ cause }: StorageError | MetadataError): boolean {
  return cause instanceof Error && 'code' in cause && (cause.code === 'EMFILE' || cause.code === 'ENFILE');
}

function denied(error: StorageError | MetadataError): Answer {
  const { code = '' } = (error.cause ?? {}) as NodeJS.ErrnoException;
  const reason = error instanceof MetadataError ? 'its database is read-only' : (reasons[code] ?? 'access denied');
  return { code: 'UNAVAILABLE', message: `the registry cannot use its storage: ${reason}` };
}
