import type { BlobDriver, OpenObject } from '../../../storage/blobs/driver.ts';
import { blobKey } from '../../../storage/blobs/layout.ts';
import type { Digest } from '../../oci/digest.ts';

/** Copies of a blob that downloads from other upstreams, or of other replicas, have brought. */
export interface OtherCopies {
  /** True if the blob is stored. */
  isStored(): Promise<boolean>;
  /** Opens the stored blob from the byte `first` on; undefined if it is not stored. */
  openStored(first: number): Promise<OpenObject | undefined>;
  /**
   * Opens a download from another upstream that has more than `first` bytes: from this byte on, as bytes arrive, and the last
   * byte once that download is verified. Undefined if there is none.
   */
  openFurther(first: number): OpenObject | undefined;
}

/** A download that may help others. */
export interface RunningDownload {
  readonly keptBytes: number;
  open(range: { readonly first: number; readonly last: number }): OpenObject;
}

/** The downloads of this process from all upstreams, by blob. */
export interface RunningDownloads {
  /** Returns the function that removes the download again. */
  add(digest: Digest, download: RunningDownload): () => void;
  /** See `OtherCopies`. A download never gets itself: it has no more bytes than it has. */
  openFurther(digest: Digest, first: number): OpenObject | undefined;
}

export function createRunningDownloads(): RunningDownloads {
  const running = new Map<Digest, Set<RunningDownload>>();
  return {
    add(digest, download) {
      const downloads = running.get(digest) ?? new Set();
      running.set(digest, downloads.add(download));
      return () => {
        downloads.delete(download);
        if (downloads.size === 0) running.delete(digest);
      };
    },
    openFurther(digest, first) {
      const further = [...(running.get(digest) ?? [])].filter(({ keptBytes }) => keptBytes > first);
      const furthest = further.sort((one, other) => other.keptBytes - one.keptBytes)[0];
      return furthest?.open({ first, last: Infinity });
    },
  };
}

export interface OtherCopiesOptions {
  readonly driver: Pick<BlobDriver, 'read'>;
  /** Finds the blob, if it is recorded by any process. */
  readonly findStored: (digest: Digest) => Promise<{ readonly sizeBytes: number } | undefined>;
  readonly running: RunningDownloads;
}

export function createOtherCopies(digest: Digest, { driver, findStored, running }: OtherCopiesOptions): OtherCopies {
  return {
    isStored: async () => (await findStored(digest)) !== undefined,
    async openStored(first) {
      const { sizeBytes = 0 } = (await findStored(digest)) ?? {};
      if (first >= sizeBytes) return undefined;
      return driver.read(blobKey(digest), { first, last: sizeBytes - 1 }).catch(() => undefined);
    },
    openFurther: (first) => running.openFurther(digest, first),
  };
}

/** Reads the object, or as much as it brings before it fails: another download may break off too. Ends at `signal`. */
export async function* readWhileGood(object: OpenObject, signal: AbortSignal): AsyncGenerator<Buffer> {
  const close = () => void object.close().catch(() => undefined);
  signal.addEventListener('abort', close, { once: true });
  try {
    for await (const chunk of object.stream()) yield Buffer.from(chunk);
  } catch {
    // The caller sees how many bytes came.
  } finally {
    signal.removeEventListener('abort', close);
    await object.close();
  }
}
