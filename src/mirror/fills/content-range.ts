import type { IncomingMessage } from 'node:http';
import { UpstreamError } from '../../upstream/upstream-error.ts';

/** Which bytes of a blob a response brings. */
export interface ContentRange {
  readonly firstByte: number;
  /** Of the whole blob. */
  readonly totalBytes: number;
}

/**
 * Reads `Content-Range` of a 206, `Content-Length` of a 200. `expectedBytes`: the size of the whole blob, where it is
 * known. Throws `bad_content` where they do not say enough.
 */
export function contentRangeOf(response: IncomingMessage, expectedBytes: number | undefined): ContentRange {
  return response.statusCode === 206 ? placeOfPart(response, expectedBytes) : placeOfWhole(response, expectedBytes);
}

/** `bytes 0-9/100`, or `bytes 0-9/*` from servers that do not tell the whole size (RFC 9110, section 14.4). */
function placeOfPart({ headers }: IncomingMessage, expectedBytes: number | undefined): ContentRange {
  const [, first, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers['content-range'] ?? '') ?? [];
  const totalBytes = total === '*' ? expectedBytes : Number(total);
  if (first === undefined || totalBytes === undefined)
    throw new UpstreamError('bad_content', 'a partial answer without a usable Content-Range');
  return { firstByte: Number(first), totalBytes };
}

function placeOfWhole({ headers }: IncomingMessage, expectedBytes: number | undefined): ContentRange {
  const length = headers['content-length'];
  const totalBytes = length === undefined ? expectedBytes : Number(length);
  if (totalBytes === undefined || !Number.isSafeInteger(totalBytes))
    throw new UpstreamError('bad_content', 'the upstream does not say how long the blob is');
  // A captive portal or an error page. The size of a blob that is HTML is known from a manifest.
  if (expectedBytes === undefined && headers['content-type']?.startsWith('text/html') === true)
    throw new UpstreamError('bad_content', 'the upstream sends a web page');
  return { firstByte: 0, totalBytes };
}

/**
 * Yields the body without its first `skip` bytes, at most `limit` of the rest: an upstream that ignores `Range` begins anew.
 * Throws `UpstreamError` where it breaks off or rests too long.
 */
export async function* bodyFrom(response: IncomingMessage, skip: number, limit: number): AsyncGenerator<Buffer> {
  let toSkip = skip;
  let remaining = limit;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      const skipped = Math.min(toSkip, chunk.length);
      toSkip -= skipped;
      const part = chunk.subarray(skipped, skipped + remaining);
      remaining -= part.length;
      if (part.length > 0) yield part;
      if (remaining === 0 && skipped + part.length < chunk.length) {
        throw new UpstreamError('bad_content', 'the upstream sends more than it announced');
      }
    }
  } catch (error) {
    if (error instanceof UpstreamError) throw error;
    throw new UpstreamError('failed', 'the download broke off', { cause: error });
  }
}
