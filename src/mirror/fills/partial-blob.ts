import { type Hash, createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { type Digest, digestAlgorithm } from '../../oci/digest.ts';
import { UpstreamError } from '../../upstream/upstream-error.ts';

/** The received bytes have another digest: they must not be kept. */
export class WrongDigest extends UpstreamError {
  constructor(hash: Hash) {
    super('bad_content', `its bytes have the digest ${hash.digest('hex').slice(0, 12)}…`);
  }
}

/** The file of a partial blob and the hash of its bytes. */
export interface PartialBlob {
  /** Bytes that are in the file and in the hash. */
  readonly keptBytes: number;
  append(chunk: Buffer): Promise<void>;
  /** Reads into the whole buffer from `at` on; resolves to the number of bytes read. */
  read(buffer: Buffer, at: number): Promise<number>;
  /** True if the file has these bytes from `at` on. */
  holds(bytes: Buffer, at: number): Promise<boolean>;
  /** Deletes all bytes. */
  restart(): Promise<void>;
  /** Returns a copy of the hash of all bytes. */
  hashed(): Hash;
  close(): Promise<void>;
}

/** Throws `WrongDigest`. */
export function verify(hash: Hash, digest: Digest): void {
  if (!digest.endsWith(`:${hash.copy().digest('hex')}`)) throw new WrongDigest(hash);
}

/**
 * Opens the file or creates it. Bytes of a former download are hashed again and used; a file longer than `maxBytes` is not
 * the blob's and is emptied. Rejects with the operating system's errors.
 */
export async function openPartialBlob(path: string, digest: Digest, maxBytes: number | undefined): Promise<PartialBlob> {
  const file = await openFile(path);
  let hash = createHash(digestAlgorithm(digest));
  let keptBytes = 0;

  async function restart(): Promise<void> {
    await file.truncate(0);
    hash = createHash(digestAlgorithm(digest));
    keptBytes = 0;
  }

  async function takeOver(): Promise<void> {
    for await (const chunk of file.createReadStream({ start: 0, autoClose: false, highWaterMark: 1024 * 1024 })) {
      hash.update(chunk as Buffer);
      keptBytes += (chunk as Buffer).length;
    }
  }

  const { size } = await file.stat();
  if (maxBytes !== undefined && size > maxBytes) await restart();
  else if (size > 0) await takeOver();

  return {
    get keptBytes() {
      return keptBytes;
    },
    async append(chunk) {
      for (let done = 0; done < chunk.length;) {
        const { bytesWritten } = await file.write(chunk, done, chunk.length - done, keptBytes + done);
        done += bytesWritten;
      }
      hash.update(chunk);
      keptBytes += chunk.length;
    },
    read: async (buffer, at) => (await file.read(buffer, 0, buffer.length, at)).bytesRead,
    async holds(bytes, at) {
      if (bytes.length === 0) return true;
      const present = Buffer.allocUnsafe(bytes.length);
      let done = 0;
      for (let read = -1; done < present.length && read !== 0; done += read) {
        read = (await file.read(present, done, present.length - done, at + done)).bytesRead;
      }
      return done === present.length && present.equals(bytes);
    },
    restart,
    hashed: () => hash.copy(),
    close: () => file.close(),
  };
}

function openFile(path: string): Promise<FileHandle> {
  return open(path, 'r+').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return open(path, 'w+');
  });
}
