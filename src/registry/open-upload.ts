import { createHash } from 'node:crypto';
import type { Appender } from '../../storage/blobs/driver.ts';
import type { Digest, DigestAlgorithm } from '../oci/digest.ts';

/** An upload session's bytes, hashed while they arrive. */
export interface OpenUpload extends Pick<Appender, 'sizeBytes' | 'append' | 'truncate' | 'commit' | 'abort' | 'close'> {
  /** The digest of everything received. Reads back only what this process has not hashed with `algorithm`. */
  digest(algorithm: DigestAlgorithm): Promise<Digest>;
}

/** `algorithm` is what the client will probably ask `digest` for. */
export function hashing(appender: Appender, algorithm: DigestAlgorithm): OpenUpload {
  let hash = createHash(algorithm);
  /** How many bytes `hash` has seen. It is worth something only while that is what the appender holds. */
  let hashedBytes = 0;

  async function* hashed(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of body) {
      hash.update(chunk);
      hashedBytes += chunk.length;
      yield chunk;
    }
  }

  async function rehash(wanted: DigestAlgorithm): Promise<void> {
    hash = createHash(wanted);
    hashedBytes = 0;
    for await (const chunk of appender.readBack()) {
      hash.update(chunk);
      hashedBytes += chunk.length;
    }
  }

  return {
    get sizeBytes() {
      return appender.sizeBytes;
    },
    append: (body) => appender.append(hashedBytes === appender.sizeBytes ? hashed(body) : body),
    async truncate(sizeBytes) {
      hashedBytes = -1;
      await appender.truncate(sizeBytes);
    },
    async digest(wanted) {
      if (wanted !== algorithm || hashedBytes !== appender.sizeBytes) await rehash(wanted);
      return `${wanted}:${hash.copy().digest('hex')}` as Digest;
    },
    commit: (to) => appender.commit(to),
    abort: () => appender.abort(),
    close: () => appender.close(),
  };
}
