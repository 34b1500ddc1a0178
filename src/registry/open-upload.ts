import { type Hash, createHash } from 'node:crypto';
import type { Appender } from '../../storage/blobs/driver.ts';
import { type Digest, type DigestAlgorithm, digestOfHash } from '../oci/digest.ts';

/** An open upload session, which hashes the bytes while they arrive. */
export interface OpenUpload extends Pick<Appender, 'sizeBytes' | 'append' | 'truncate' | 'publish' | 'abort' | 'close'> {
  /** Returns the digest of all received bytes. Reads them back only if neither this process nor the store knows the digest. */
  digest(algorithm: DigestAlgorithm): Promise<Digest>;
  /** The hash so far, for the next time that this process opens the session. */
  readonly hashed: HashedBytes;
}

/** The hash of the first `sizeBytes` bytes. Valid only while the session has exactly so many bytes. */
export interface HashedBytes {
  readonly algorithm: DigestAlgorithm;
  readonly hash: Hash;
  readonly sizeBytes: number;
}

export interface HashingOptions {
  /** The algorithm of the digest that the client will probably send. */
  readonly algorithm: DigestAlgorithm;
  /** The hash from an earlier request. Requests only add bytes to a session, so that an equal size means equal bytes. */
  readonly hashed?: HashedBytes | undefined;
  /** Throws if another process may have taken over the session. Called before each change. */
  readonly assertHeld?: () => void;
}

/** Returns the hash of no bytes. */
export function startHash(algorithm: DigestAlgorithm): HashedBytes {
  return { algorithm, hash: createHash(algorithm), sizeBytes: 0 };
}

/** Returns the hash with the chunk added. `hashed` must not be used afterwards. */
export function extend(hashed: HashedBytes, chunk: Uint8Array): HashedBytes {
  hashed.hash.update(chunk);
  return { ...hashed, sizeBytes: hashed.sizeBytes + chunk.length };
}

/** Opens an upload session that writes to `appender`. */
export function hashing(appender: Appender, { algorithm, hashed, assertHeld = () => undefined }: HashingOptions): OpenUpload {
  // A hash of fewer bytes is dropped now: later the session could have as many other bytes.
  let current = hashed?.sizeBytes === appender.sizeBytes ? hashed : startHash(algorithm);

  function see(chunk: Uint8Array): void {
    current = extend(current, chunk);
  }

  const digestSoFar = () => digestOfHash(current.hash.copy(), current.algorithm);

  async function* watched(body: AsyncIterable<Uint8Array>, seen: (chunk: Uint8Array) => void): AsyncGenerator<Uint8Array> {
    for await (const chunk of body) {
      assertHeld();
      seen(chunk);
      yield chunk;
    }
  }

  async function rehash(wanted: DigestAlgorithm): Promise<void> {
    current = startHash(wanted);
    for await (const chunk of appender.readBack()) see(chunk);
  }

  return {
    get sizeBytes() {
      return appender.sizeBytes;
    },
    get hashed() {
      return current;
    },
    async append(body) {
      const seen = current.sizeBytes === appender.sizeBytes ? see : () => undefined;
      try {
        return await appender.append(watched(body, seen), (size) => (size === current.sizeBytes ? digestSoFar() : undefined));
      } finally {
        // The hash may have bytes that the store could not keep: it is invalid.
        if (current.sizeBytes !== appender.sizeBytes) current = { ...current, sizeBytes: -1 };
      }
    },
    async truncate(sizeBytes) {
      assertHeld();
      current = { ...current, sizeBytes: -1 };
      await appender.truncate(sizeBytes);
    },
    async digest(wanted) {
      if (wanted === current.algorithm && current.sizeBytes === appender.sizeBytes) return digestSoFar();
      if (appender.knownDigest?.startsWith(`${wanted}:`)) return appender.knownDigest;
      await rehash(wanted);
      return digestSoFar();
    },
    async publish(to) {
      assertHeld();
      await appender.publish(to);
    },
    abort: () => appender.abort(),
    close: () => appender.close(),
  };
}
