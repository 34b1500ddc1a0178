import type { DownloadLock, HeldDownloadLock } from './download-lock.ts';
import type { Partials } from './partials.ts';

/** Creates the lock among the processes of this machine: an owner file beside the blob's file. */
export function createMachineLock(partials: Pick<Partials, 'lock'>): DownloadLock {
  return {
    // A disk that takes no owner file takes no blob either: the fill does without the disk, and without a lock.
    acquire: (digest) => partials.lock(digest).catch(() => unsharedLock),
  };
}

const nothing = () => Promise.resolve();
const unsharedLock: HeldDownloadLock = { announce: nothing, releaseReplicas: nothing, release: nothing };
