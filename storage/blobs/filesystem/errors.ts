import { StorageError, type StorageErrorCode } from '../driver.ts';

/** Codes of the operating system and of the contract. Other codes are `unavailable`. */
const codes: Readonly<Record<string, StorageErrorCode>> = {
  ENOENT: 'not_found',
  ENOTDIR: 'not_found',
  EISDIR: 'not_found',
  ENAMETOOLONG: 'invalid_key',
  EEXIST: 'already_exists',
  ENOSPC: 'no_space',
  EDQUOT: 'no_space',
  EFBIG: 'too_large',
  EACCES: 'denied',
  EPERM: 'denied',
  EROFS: 'denied',
};

/** Translates an error of the operating system into a `StorageError`; returns other errors unchanged. */
export function toStorageError(error: unknown, what: string): unknown {
  const { code, message } = error as NodeJS.ErrnoException;
  if (error instanceof StorageError || typeof code !== 'string' || !/^E[A-Z]+$/.test(code)) return error;
  return new StorageError(codes[code] ?? 'unavailable', `${what}: ${message}`, { cause: error });
}

/**
 * Adds the user that berth runs as, and the command that gives it the folder, to a `denied` error. Returns other errors
 * unchanged.
 */
export function withOwner(error: unknown, folder: string): unknown {
  const { code, cause } = error as StorageError;
  const errno = (cause as NodeJS.ErrnoException | undefined)?.code;
  if (!(error instanceof StorageError) || code !== 'denied' || errno === 'EROFS') return error;
  const owner = `${process.getuid?.() ?? ''}:${process.getgid?.() ?? ''}`;
  const advice = `berth runs as ${owner} (user and group): chown -R ${owner} ${folder}, or the folder that is mounted there`;
  return new StorageError('denied', `${error.message}; ${advice}`, { cause: error });
}

/** Runs `work` and translates its errors into `StorageError`. */
export async function translating<Result>(what: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw toStorageError(error, what);
  }
}
