import { StorageError, type StorageErrorCode } from '../driver.ts';

/** What the operating system says → what the contract says. Everything else is `unavailable`: the disk did not do its work. */
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

/** `error` in the contract's form. Errors that do not come from the operating system stay what they are. */
export function toStorageError(error: unknown, what: string): unknown {
  const { code, message } = error as NodeJS.ErrnoException;
  if (error instanceof StorageError || typeof code !== 'string' || !/^E[A-Z]+$/.test(code)) return error;
  return new StorageError(codes[code] ?? 'unavailable', `${what}: ${message}`, { cause: error });
}

/** Adds to an error of missing permissions which user berth is, and how the folder becomes its own. Other errors stay. */
export function withOwner(error: unknown, folder: string): unknown {
  const { code, cause } = error as StorageError;
  const errno = (cause as NodeJS.ErrnoException | undefined)?.code;
  if (!(error instanceof StorageError) || code !== 'denied' || errno === 'EROFS') return error;
  const owner = `${process.getuid?.() ?? ''}:${process.getgid?.() ?? ''}`;
  const advice = `berth runs as ${owner} (user and group): chown -R ${owner} ${folder}, or the folder that is mounted there`;
  return new StorageError('denied', `${error.message}; ${advice}`, { cause: error });
}

/** Runs `work`; its failures are thrown in the contract's form. */
export async function translating<Result>(what: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw toStorageError(error, what);
  }
}
