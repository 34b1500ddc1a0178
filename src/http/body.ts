import type { IncomingMessage, ServerResponse } from 'node:http';
import { OciError } from '../oci/errors.ts';
import { ClientGone } from './client-gone.ts';

/** Request bodies. */

/** The announced length in bytes; undefined for a chunked body. Node has refused malformed numbers already. */
export function contentLength(request: IncomingMessage): number | undefined {
  const header = request.headers['content-length'];
  return header === undefined ? undefined : Number(header);
}

/** False where the client announces no body at all. */
export function hasBody(request: IncomingMessage): boolean {
  return request.headers['transfer-encoding'] !== undefined || (contentLength(request) ?? 0) > 0;
}

/** Tells a client that waits for it (`Expect: 100-continue`) to send its body: only now is it known to be wanted. */
export function invite(request: IncomingMessage, response: ServerResponse): void {
  if (request.headers.expect !== undefined) response.writeContinue();
}

/**
 * The body as it arrives. Throws `ClientGone` when it breaks off: what came before has been yielded.
 * Who stops reading early can still answer: the connection stays.
 */
export async function* bodyChunks(request: IncomingMessage, response: ServerResponse): AsyncGenerator<Buffer> {
  invite(request, response);
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) yield chunk;
  } catch (error) {
    throw new ClientGone({ cause: error });
  }
  if (!request.complete) throw new ClientGone();
}

/** The whole body of at most `limitBytes`. Throws MANIFEST_INVALID (413) as soon as it is known to be longer. */
export async function wholeBody(request: IncomingMessage, response: ServerResponse, limitBytes: number): Promise<Buffer> {
  const refuse = () => new OciError('MANIFEST_INVALID', { status: 413, message: `a manifest has at most ${limitBytes} bytes` });
  if ((contentLength(request) ?? 0) > limitBytes) throw refuse();
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of bodyChunks(request, response)) {
    length += chunk.length;
    if (length > limitBytes) throw refuse();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}
