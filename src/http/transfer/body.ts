import type { IncomingMessage, ServerResponse } from 'node:http';
import { OciError } from '../../oci/errors.ts';
import { ClientGone } from '../errors/client-gone.ts';

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

/** Reads a manifest of at most `limitBytes`. Throws MANIFEST_INVALID (413) as soon as it is known to be longer. */
export function manifestBody(request: IncomingMessage, response: ServerResponse, limitBytes: number): Promise<Buffer> {
  return wholeBody(request, response, limitBytes, () => {
    return new OciError('MANIFEST_INVALID', { status: 413, message: `a manifest has at most ${limitBytes} bytes` });
  });
}

/** A form or a JSON document arrives within this time as a whole, however steadily its client sends. */
const smallBodyMilliseconds = 30_000;

/**
 * Reads a form or a JSON document. Throws UNSUPPORTED: 413 for more than `limitBytes`, 415 for a compressed body, 408 when
 * `deadline` comes before its end.
 */
export async function smallBody(
  request: IncomingMessage,
  response: ServerResponse,
  limitBytes: number,
  deadline: AbortSignal = AbortSignal.timeout(smallBodyMilliseconds),
): Promise<Buffer> {
  const refusal = (status: number, message: string) => new OciError('UNSUPPORTED', { status, message });
  if ((request.headers['content-encoding'] ?? 'identity') !== 'identity') throw refusal(415, 'the body may not be compressed');
  const late = new Promise<never>((_, reject) => {
    deadline.addEventListener('abort', () => reject(refusal(408, 'the body did not come in time')));
  });
  const tooLarge = () => refusal(413, `the body may have at most ${limitBytes} bytes`);
  return Promise.race([wholeBody(request, response, limitBytes, tooLarge), late]);
}

async function wholeBody(
  request: IncomingMessage,
  response: ServerResponse,
  limitBytes: number,
  tooLarge: () => OciError,
): Promise<Buffer> {
  if ((contentLength(request) ?? 0) > limitBytes) throw tooLarge();
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of bodyChunks(request, response)) {
    length += chunk.length;
    if (length > limitBytes) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}
