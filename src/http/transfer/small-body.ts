import type { IncomingMessage, ServerResponse } from 'node:http';
import { OciError } from '../../oci/errors.ts';
import { bodyChunks, contentLength } from './body.ts';

/** Reads a manifest of at most `limitBytes`. Throws MANIFEST_INVALID (413) as soon as it exceeds them. */
export function manifestBody(request: IncomingMessage, response: ServerResponse, limitBytes: number): Promise<Buffer> {
  return wholeBody(request, response, limitBytes, () => {
    return new OciError('MANIFEST_INVALID', { status: 413, message: `a manifest has at most ${limitBytes} bytes` });
  });
}

/** Maximum time for a complete form or JSON document, however steadily the client sends. */
const smallBodyMilliseconds = 30_000;

/**
 * Reads a form or a JSON document. Throws UNSUPPORTED: 413 for more than `limitBytes`, 415 for a compressed body, 408 if
 * `deadline` is aborted before its end.
 */
export async function smallBody(
  request: IncomingMessage,
  response: ServerResponse,
  limitBytes: number,
  deadline: AbortSignal = AbortSignal.timeout(smallBodyMilliseconds),
): Promise<Buffer> {
  const unsupported = (status: number, message: string) => new OciError('UNSUPPORTED', { status, message });
  if ((request.headers['content-encoding'] ?? 'identity') !== 'identity')
    throw unsupported(415, 'the body may not be compressed');
  const late = new Promise<never>((_, reject) => {
    deadline.addEventListener('abort', () => reject(unsupported(408, 'the body did not arrive in time')));
  });
  const tooLarge = () => unsupported(413, `the body may have at most ${limitBytes} bytes`);
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
