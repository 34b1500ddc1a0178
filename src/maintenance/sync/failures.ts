import { StorageError } from '../../../storage/blobs/driver.ts';
import { MetadataError } from '../../../storage/metadata/store.ts';
import { LockTimeout } from '../../coordination/keyed-mutex.ts';
import { UpstreamError, type UpstreamErrorCode } from '../../upstream/upstream-error.ts';

/** A run must end: berth shuts down, or another process has the entry. Nothing is recorded of it. */
export class RunEnded extends Error {
  override readonly name = 'RunEnded';
}

/** A run must not go on: its message says why and what to do. */
export class RunStopped extends Error {
  override readonly name = 'RunStopped';
}

/** Errors after which everything else would fail, too. */
const stopping: readonly UpstreamErrorCode[] = ['limited', 'login_refused', 'unreachable', 'busy', 'unavailable'];

/** True if the run must end: what else it has to do would fail the same way. */
export function isStopping(error: unknown): boolean {
  if (error instanceof UpstreamError) return stopping.includes(error.code);
  return [RunEnded, RunStopped, StorageError, MetadataError].some((kind) => error instanceof kind);
}

const passing: readonly UpstreamErrorCode[] = ['unreachable', 'timeout', 'unavailable', 'busy'];

/** True for failures of a copy after which another try can succeed at once. */
export function isPassing(error: unknown): boolean {
  if (error instanceof LockTimeout) return true;
  if (!(error instanceof UpstreamError)) return false;
  const isServerError = error.status === undefined || error.status >= 500;
  return passing.includes(error.code) || (error.code === 'failed' && isServerError);
}
