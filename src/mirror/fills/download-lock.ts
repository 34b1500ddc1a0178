import type { Digest } from '../../oci/digest.ts';

/**
 * Decides which process downloads a blob. `machine-lock.ts` is the lock among processes of this machine, which share the
 * folder of downloads; `replica-lock.ts` extends it to replicas, which share the stores and not the folder.
 */
export interface DownloadLock {
  /**
   * Makes the caller the only downloader of the blob. Undefined while another process of this machine downloads it: its
   * file can be followed. The blob may be stored when this resolves. Never rejects.
   */
  acquire(digest: Digest): Promise<HeldDownloadLock | undefined>;
}

export interface HeldDownloadLock {
  /** Publishes the blob's size to the processes that wait for it. */
  announce(sizeBytes: number): Promise<void>;
  /** Ends the waiting of other replicas, because the blob will not be stored. */
  releaseReplicas(): Promise<void>;
  release(): Promise<void>;
}
