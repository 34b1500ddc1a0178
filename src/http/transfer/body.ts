import type { IncomingMessage, ServerResponse } from 'node:http';
import { ClientGone, departureOf } from '../errors/client-gone.ts';
import { paceOf } from './pace.ts';

/** Returns the announced length in bytes; undefined for a chunked body. Node.js refuses malformed numbers. */
export function contentLength(request: IncomingMessage): number | undefined {
  const header = request.headers['content-length'];
  return header === undefined ? undefined : Number(header);
}

/** True if the client announces a body. */
export function hasBody(request: IncomingMessage): boolean {
  return request.headers['transfer-encoding'] !== undefined || (contentLength(request) ?? 0) > 0;
}

/** Tells a client with `Expect: 100-continue` to send its body. Called when the request is known to need it. */
export function invite(request: IncomingMessage, response: ServerResponse): void {
  if (request.headers.expect !== undefined) response.writeContinue();
}

/**
 * Yields the body as it arrives. Throws `ClientGone` if it breaks off, after it has yielded the received part. A caller that
 * stops early can still answer: the connection stays open.
 */
export async function* bodyChunks(request: IncomingMessage, response: ServerResponse): AsyncGenerator<Buffer> {
  invite(request, response);
  const pace = paceOf(request);
  const departure = pace && departureOf(response);
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      // The client waits as soon as the buffers of the connection are full.
      if (departure) await pace.bandwidth.spend(chunk.length, departure);
      yield chunk;
    }
  } catch (error) {
    throw new ClientGone({ cause: error });
  }
  if (!request.complete) throw new ClientGone();
}
