import type { IncomingMessage } from 'node:http';
import { UpstreamError } from '../upstream/upstream-error.ts';

/** Which bytes of a blob a response brings. */
export interface BodyPlace {
  readonly firstByte: number;
  /** Of the whole blob. */
  readonly totalBytes: number;
}

/** Reads `Content-Range` of a 206, `Content-Length` of a 200. Throws `bad_content` where they say nothing. */
export function placeOf({ statusCode, headers }: IncomingMessage, promisedBytes: number | undefined): BodyPlace {
  if (statusCode === 206) {
    const match = /^bytes (\d+)-\d+\/(\d+)$/.exec(headers['content-range'] ?? '');
    if (!match) throw new UpstreamError('bad_content', 'a partial answer without a usable Content-Range');
    return { firstByte: Number(match[1]), totalBytes: Number(match[2]) };
  }
  const length = headers['content-length'];
  const totalBytes = length === undefined ? promisedBytes : Number(length);
  if (totalBytes === undefined || !Number.isSafeInteger(totalBytes)) {
    throw new UpstreamError('bad_content', 'the upstream does not say how long the blob is');
  }
  return { firstByte: 0, totalBytes };
}

/**
 * The body without its first `skip` bytes, at most `limit` of the rest: an upstream that ignores `Range` begins anew.
 * Throws `UpstreamError` where it breaks off or rests too long.
 */
export async function* bodyFrom(response: IncomingMessage, skip: number, limit: number): AsyncGenerator<Buffer> {
  let toSkip = skip;
  let left = limit;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      const skipped = Math.min(toSkip, chunk.length);
      toSkip -= skipped;
      const part = chunk.subarray(skipped, skipped + left);
      left -= part.length;
      if (part.length > 0) yield part;
      if (left === 0 && skipped + part.length < chunk.length) {
        throw new UpstreamError('bad_content', 'the upstream sends more than it announced');
      }
    }
  } catch (error) {
    if (error instanceof UpstreamError) throw error;
    throw new UpstreamError('failed', 'the download broke off', { cause: error });
  }
}
