import type { IncomingMessage } from 'node:http';
import type { ByteRange } from '../../../storage/blobs/driver.ts';
import { bodyFrom, contentRangeOf } from './content-range.ts';
import { UpstreamError } from '../../upstream/upstream-error.ts';

/**
 * Ranges far ahead of a download, fetched directly from the upstream: a client need not wait for gigabytes to read a table of
 * contents at their end. Only a whole blob can be verified: the client verifies such a range.
 */
export interface OutOfOrderRanges {
  /** True if waiting for the byte `at` would take too long and the upstream can be asked for it. */
  isFar(at: number, keptBytes: number): boolean;
  /**
   * Yields the first bytes of the range, at most 8 MiB. Ends early, without an error, if the upstream fails: later ranges then
   * wait for the download.
   */
  piece(range: ByteRange, sizeBytes: number): AsyncGenerator<Buffer>;
}

export interface OutOfOrderRangesOptions {
  /** The blob's bytes `first` … `last`. Rejects with `UpstreamError`. */
  readonly fetch: (first: number, signal: AbortSignal, last: number) => Promise<IncomingMessage>;
  readonly onReceived: (bytes: number, signal: AbortSignal) => Promise<void>;
  readonly signal: AbortSignal;
}

const farBytes = 8 * 1024 * 1024;
/** Concurrent out-of-order ranges per blob; more would starve the download. */
const maxPieces = 4;

export function createOutOfOrderRanges({ fetch, onReceived, signal }: OutOfOrderRangesOptions): OutOfOrderRanges {
  let isDisabled = false;
  let running = 0;

  async function* ask({ first, last }: ByteRange, sizeBytes: number): AsyncGenerator<Buffer> {
    const response = await fetch(first, signal, last);
    const place = contentRangeOf(response, sizeBytes);
    if (place.firstByte !== first || place.totalBytes !== sizeBytes) {
      response.destroy();
      throw new UpstreamError('bad_content', 'the upstream gives no ranges');
    }
    let missing = last - first + 1;
    for await (const chunk of bodyFrom(response, 0, missing)) {
      missing -= chunk.length;
      yield chunk;
      await onReceived(chunk.length, signal);
    }
    if (missing > 0) throw new UpstreamError('failed', 'the upstream gives less than it was asked for');
  }

  return {
    isFar: (at, keptBytes) => !isDisabled && running < maxPieces && at - keptBytes > farBytes,

    async *piece({ first, last }, sizeBytes) {
      running++;
      try {
        yield* ask({ first, last: Math.min(last, first + farBytes - 1) }, sizeBytes);
      } catch (error) {
        if (!(error instanceof UpstreamError)) throw error;
        isDisabled = true;
      } finally {
        running--;
      }
    },
  };
}
