import { type Hash, createHash } from 'node:crypto';
import type { Appender } from '../../storage/blobs/driver.ts';
import { type Digest, type DigestAlgorithm, digestOfHash } from '../oci/digest.ts';

/** An upload session's bytes, hashed while they arrive. */
export interface OpenUpload extends Pick<Appender, 'sizeBytes' | 'append' | 'truncate' | 'publish' | 'abort' | 'close'> {
  /** The digest of everything received. Reads it back only where neither this process nor the store knows it. */
  digest(algorithm: DigestAlgorithm): Promise<Digest>;
  /** What this process has hashed, for the next time that it opens the session. */
  readonly hashed: HashedBytes;
}

/** A hash and how many bytes it has seen. It is worth something only while that is what the session holds. */
export interface HashedBytes {
  readonly algorithm: DigestAlgorithm;
  readonly hash: Hash;
  readonly sizeBytes: number;
}

export interface HashingOptions {
  /** What the client will probably ask `digest` for. */
  readonly algorithm: DigestAlgorithm;
  /** From an earlier time. Requests only ever add bytes to a session, so that an equal size means equal bytes. */
  readonly hashed?: HashedBytes | undefined;
  /** Throws when another process may be at the session. Asked before each change. */
  readonly assertHeld?: () => void;
}

/** Returns the hash of no bytes. */
export function startHash(algorithm: DigestAlgorithm): HashedBytes {
  return { algorithm, hash: createHash(algorithm), sizeBytes: 0 };
}

/** Adds the chunk to the hash; `hashed` itself is of no use afterwards. */
export function extend(hashed: HashedBytes, chunk: Uint8Array): HashedBytes {
  hashed.hash.update(chunk);
  return { ...hashed, sizeBytes: hashed.sizeBytes + chunk.length };
}

export function hashing(appender: Appender, { algorithm, hashed, assertHeld = () => undefined }: HashingOptions): OpenUpload {
  // A hash of other bytes must not pass for that of the bytes appended later, when both have grown to the same size.
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
        // The hash may have seen bytes that the store could not keep: it must not pass for that of others in their place.
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
