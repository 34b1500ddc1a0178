import { StorageError, type StorageErrorCode } from '../driver.ts';

/** Error names of servers and codes of the contract. */
const byName: Readonly<Record<string, StorageErrorCode>> = {
  NoSuchKey: 'not_found',
  NotFound: 'not_found',
  NoSuchUpload: 'not_found',
  // A missing bucket does not mean that the object does not exist.
  NoSuchBucket: 'unavailable',
  PreconditionFailed: 'already_exists',
  InvalidRange: 'range_not_satisfiable',
  EntityTooLarge: 'too_large',
  QuotaExceeded: 'no_space',
  XMinioStorageFull: 'no_space',
  CredentialsProviderError: 'denied',
};

const byStatus: Readonly<Record<number, StorageErrorCode>> = {
  401: 'denied',
  403: 'denied',
  404: 'not_found',
  412: 'already_exists',
  413: 'too_large',
  416: 'range_not_satisfiable',
  507: 'no_space',
};

interface RequestFailure extends Error {
  readonly $metadata?: { readonly httpStatusCode?: number };
}

/** Translates an error of a request into a `StorageError`: `unavailable` for unknown errors, 5xx and missing responses. */
export function toStorageError(error: unknown, what: string): StorageError {
  if (error instanceof StorageError) return error;
  const { name, $metadata } = error as RequestFailure;
  const code = byName[name] ?? byStatus[$metadata?.httpStatusCode ?? 0] ?? 'unavailable';
  return new StorageError(code, `${what}: ${reasonOf(error as Error)}`, { cause: error });
}

/** Returns name and message; servers and the SDK sometimes leave out one of them. */
function reasonOf({ name, message }: Error): string {
  if (name === 'Error') return message;
  return message === '' || message === 'UnknownError' ? name : `${name}: ${message}`;
}
