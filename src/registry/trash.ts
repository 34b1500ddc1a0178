import { type BlobDriver, type ObjectKey, StorageError } from '../../storage/blobs/driver.ts';
import { blobKey, trashKey, trashPrefix, trashedDigest } from '../../storage/blobs/layout.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';

/**
 * Bytes on their way out. Whoever stores a blob makes sure of its bytes first and records it then: in between somebody
 * else may find that nobody needs them. So bytes are set aside, looked for again after a while, and only then deleted.
 */
export interface Trash {
  /** Sets aside the bytes of content that the metadata store has just forgotten. */
  setAside(digest: string): Promise<void>;
  /** Deletes what was set aside long enough ago; puts back what has been recorded again meanwhile. */
  empty(): Promise<void>;
}

export interface TrashOptions {
  readonly driver: BlobDriver;
  readonly metadata: MetadataStore;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Far longer than from a blob's last byte to its record. */
const graceMilliseconds = 10_000;

export function createTrash({ driver, metadata, now }: TrashOptions): Trash {
  /** When this process first saw it: what another one has left waits anew. */
  const seen = new Map<ObjectKey, number>();

  async function putBack(key: ObjectKey, digest: string): Promise<void> {
    const isThere = await driver.stat(blobKey(digest)).then(
      () => true,
      (error: unknown) => {
        if (error instanceof StorageError && error.code === 'not_found') return false;
        throw error;
      },
    );
    if (isThere) await driver.delete([key]);
    else await move(key, blobKey(digest));
  }

  /** Another process may have been quicker. */
  async function move(from: ObjectKey, to: ObjectKey): Promise<void> {
    await driver.move(from, to).catch((error: unknown) => {
      if (!(error instanceof StorageError && error.code === 'not_found')) throw error;
    });
  }

  return {
    async setAside(digest) {
      seen.set(trashKey(digest), now());
      await move(blobKey(digest), trashKey(digest));
    },

    async empty() {
      for await (const key of driver.list(trashPrefix)) {
        const digest = trashedDigest(key);
        const since = seen.get(key);
        if (since === undefined) seen.set(key, now());
        if (await metadata.findContent(digest)) await putBack(key, digest);
        else if (since === undefined || now() - since < graceMilliseconds) continue;
        else await driver.delete([key]);
        seen.delete(key);
      }
    },
  };
}
