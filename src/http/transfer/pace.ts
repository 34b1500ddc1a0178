import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Bandwidth } from '../../coordination/bandwidth.ts';

/** The limit of a body. */
export interface Pace {
  readonly bandwidth: Bandwidth;
  readonly bytesPerSecond: number;
}

const paces = new WeakMap<IncomingMessage | ServerResponse, Pace>();

/** Limits the body of a request or a response from now on. */
export function setPace(message: IncomingMessage | ServerResponse, pace: Pace): void {
  paces.set(message, pace);
}

/** Returns the limit of the body; undefined: none, and the body goes the fastest way. */
export function paceOf(message: IncomingMessage | ServerResponse): Pace | undefined {
  return paces.get(message);
}

/** Pieces in a second: a connection is never without a byte for long, whatever the size of the chunks. */
const piecesPerSecond = 4;

/** Yields the chunk in pieces, each when the limit has room for it, until `signal` is aborted. */
export async function* paced(chunk: Uint8Array, { bandwidth, bytesPerSecond }: Pace, signal: AbortSignal) {
  const size = Math.max(1, Math.floor(bytesPerSecond / piecesPerSecond));
  for (let start = 0; start < chunk.length && !signal.aborted; start += size) {
    const piece = chunk.subarray(start, start + size);
    await bandwidth.spend(piece.length, signal);
    yield piece;
  }
}
