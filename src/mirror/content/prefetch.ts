import type { MirroredBlobs } from './blobs.ts';
import type { RemoteManifest } from '../remote/remote-manifests.ts';
import type { MirroredRepository } from '../names/routing.ts';

/** Fetches the content that a client will request next: the layers of the image whose manifest it has just received. */
export interface Prefetch {
  after(source: MirroredRepository, manifest: RemoteManifest): void;
}

export interface PrefetchOptions {
  readonly blobs: MirroredBlobs;
  /** Larger blobs are not prefetched; 0: none are. */
  readonly largestBytes: number;
  /** Whether clients need the upstream, or the connections to it, for themselves. */
  readonly isBusy: (source: MirroredRepository) => boolean;
}

/** An index says nothing of the platform: only the manifest that a client has chosen does. */
export function createPrefetch({ blobs, largestBytes, isBusy }: PrefetchOptions): Prefetch {
  async function fetch(source: MirroredRepository, { contents }: RemoteManifest): Promise<void> {
    for (const { digest, sizeBytes } of contents.blobs) {
      if (sizeBytes === undefined || sizeBytes > largestBytes) continue;
      if (isBusy(source)) return;
      await blobs.get(source, digest, true);
    }
  }

  return {
    after(source, manifest) {
      // A client that requests the blob gets the error.
      if (largestBytes > 0) fetch(source, manifest).catch(() => undefined);
    },
  };
}
