import type { Hash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { ByteRange } from '../../../storage/blobs/driver.ts';
import { pauseAfter } from '../../../storage/back-off.ts';
import type { Digest } from '../../oci/digest.ts';
import { UpstreamError } from '../../upstream/upstream-error.ts';
import { type Clock, realClock } from './clock.ts';
import { bodyFrom, contentRangeOf } from './content-range.ts';
import { verify } from './partial-blob.ts';

export interface BypassOptions {
  readonly digest: Digest;
  readonly sizeBytes: number;
  /** Bytes in the file. */
  readonly keptBytes: number;
  /** The hash of these bytes. It is updated with the bytes that follow. */
  readonly hash: Hash;
  /** Requests the blob from the byte `first` on. Rejects with `UpstreamError`. */
  readonly fetch: (first: number) => Promise<IncomingMessage>;
  /** Resolves when more may be read. */
  readonly onReceived: (bytes: number) => Promise<void>;
  readonly signal: AbortSignal;
}

/** Attempts in a row that bring nothing, before the client is cut off. */
const maxFailures = 5;
/** Milliseconds between attempts. */
const pauses = { first: 100, longest: 2000 };

/**
 * Reads a range of a blob beyond the file's bytes directly from the upstream, because the disk refuses more; resumes where
 * the upstream breaks off. Verified like a file: the last byte is returned only when all bytes have the right digest.
 */
export async function* bypass(
  options: BypassOptions,
  { first, last }: ByteRange,
  clock: Clock = realClock,
): AsyncGenerator<Buffer> {
  const { digest, sizeBytes, keptBytes, hash, signal } = options;
  let at = keptBytes;
  let withheld: Buffer = Buffer.alloc(0);
  for (let failures = 0; at < sizeBytes;) {
    const before = at;
    try {
      for await (const chunk of receive(options, at)) {
        hash.update(chunk);
        if (withheld.length > 0) yield withheld;
        withheld = chunk.subarray(...within(chunk.length, first - at, last + 1 - at));
        at += chunk.length;
        await options.onReceived(chunk.length);
      }
    } catch (error) {
      failures = at > before ? 1 : failures + 1;
      if (!(error instanceof UpstreamError) || signal.aborted || failures > maxFailures) throw error;
      await clock.sleep(pauseAfter(failures, pauses), signal);
    }
  }
  verify(hash, digest);
  if (withheld.length > 0) yield withheld;
}

/** The blob from the byte `at` to its end. Throws `UpstreamError` where less comes. */
async function* receive({ fetch, sizeBytes }: BypassOptions, at: number): AsyncGenerator<Buffer> {
  const response = await fetch(at);
  const { firstByte, totalBytes } = contentRangeOf(response, sizeBytes);
  if (firstByte > at || totalBytes !== sizeBytes) {
    response.destroy();
    throw new UpstreamError('bad_content', 'the upstream tells another size than before');
  }
  let missing = sizeBytes - at;
  for await (const chunk of bodyFrom(response, at - firstByte, missing)) {
    missing -= chunk.length;
    yield chunk;
  }
  if (missing > 0) throw new UpstreamError('failed', 'the upstream sent less than it announced');
}

/** `from` and `to`, cut to 0 … `length`. */
function within(length: number, from: number, to: number): [number, number] {
  const cut = (position: number) => Math.min(Math.max(position, 0), length);
  return [cut(from), cut(to)];
}
