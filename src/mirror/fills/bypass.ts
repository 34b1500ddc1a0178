import type { Hash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { ByteRange } from '../../../storage/blobs/driver.ts';
import type { Digest } from '../../oci/digest.ts';
import { bodyFrom, contentRangeOf } from './content-range.ts';
import { verify } from './partial-blob.ts';

export interface BypassOptions {
  readonly digest: Digest;
  readonly sizeBytes: number;
  /** Bytes that are kept, and their hash, which is used up. */
  readonly keptBytes: number;
  readonly hash: Hash;
  readonly fetch: (first: number) => Promise<IncomingMessage>;
  /** Resolves when more may be read. */
  readonly onReceived: (bytes: number) => Promise<void>;
}

/**
 * Reads a range of a blob beyond the kept bytes directly from the upstream, because the disk refuses more. Verified like a
 * file: the last byte is returned only when all bytes have the right digest.
 */
export async function* bypass(options: BypassOptions, { first, last }: ByteRange): AsyncGenerator<Buffer> {
  const { digest, sizeBytes, keptBytes, hash } = options;
  const response = await options.fetch(keptBytes);
  const { firstByte, totalBytes } = contentRangeOf(response, sizeBytes);
  let at = keptBytes;
  let held: Buffer = Buffer.alloc(0);
  for await (const chunk of bodyFrom(response, keptBytes - firstByte, totalBytes - keptBytes)) {
    hash.update(chunk);
    if (held.length > 0) yield held;
    held = chunk.subarray(...within(chunk.length, first - at, last + 1 - at));
    at += chunk.length;
    await options.onReceived(chunk.length);
  }
  verify(hash, digest);
  if (held.length > 0) yield held;
}

/** `from` and `to`, cut to 0 … `length`. */
function within(length: number, from: number, to: number): [number, number] {
  const cut = (position: number) => Math.min(Math.max(position, 0), length);
  return [cut(from), cut(to)];
}
