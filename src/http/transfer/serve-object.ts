import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ByteRange, OpenObject } from '../../../storage/blobs/driver.ts';
import { OciError } from '../../oci/errors.ts';
import { lengthOf, parseRange } from './range.ts';
import { sendObject, writeObject } from './send-object.ts';

/** An immutable object and how to open it. */
export interface ServedObject {
  readonly sizeBytes: number;
  /** Includes the quotes. */
  readonly etag: string;
  readonly contentType: string;
  readonly headers: Readonly<Record<string, string>>;
  open(range?: ByteRange): Promise<OpenObject>;
}

/**
 * Answers GET and HEAD of an immutable object, with conditions and single or multiple ranges (RFC 9110, sections 13 and 14).
 * Throws an OciError (416) for ranges outside of the object. After headers were sent a failure cuts the socket.
 */
export async function serveObject(request: IncomingMessage, response: ServerResponse, object: ServedObject): Promise<void> {
  const { sizeBytes, etag, contentType, headers } = object;
  response.setHeader('Accept-Ranges', 'bytes');
  response.setHeader('ETag', etag);
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  if (matches(request.headers['if-none-match'], etag)) {
    response.writeHead(304).end();
    return;
  }
  const requested = rangeApplies(request, etag) ? parseRange(request.headers.range, sizeBytes) : ({ kind: 'whole' } as const);
  if (requested.kind === 'unsatisfiable') throw notSatisfiable(sizeBytes);
  if (requested.kind === 'parts' && requested.ranges.length > 1) {
    await sendParts(response, object, requested.ranges);
    return;
  }
  const range = requested.kind === 'parts' ? requested.ranges[0] : undefined;
  response.statusCode = range ? 206 : 200;
  if (range) response.setHeader('Content-Range', contentRange(range, sizeBytes));
  response.setHeader('Content-Type', contentType);
  const length = range ? lengthOf(range) : sizeBytes;
  response.setHeader('Content-Length', length);
  if (request.method === 'HEAD' || sizeBytes === 0) response.end();
  else await sendObject(response, await object.open(range), length);
}

/** "A server MUST ignore a Range header field received with a request method … other than GET"; `If-Range` compares strongly. */
function rangeApplies(request: IncomingMessage, etag: string): boolean {
  const condition = request.headers['if-range'];
  return request.method === 'GET' && (condition === undefined || condition === etag);
}

function matches(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  return header.split(',').some((candidate) => ['*', etag].includes(candidate.trim().replace(/^W\//, '')));
}

function contentRange({ first, last }: ByteRange, sizeBytes: number): string {
  return `bytes ${first}-${last}/${sizeBytes}`;
}

function notSatisfiable(sizeBytes: number): OciError {
  return new OciError('SIZE_INVALID', {
    status: 416,
    message: `the blob has ${sizeBytes} bytes: the range is outside of it or malformed`,
    headers: { 'Content-Range': `bytes */${sizeBytes}` },
  });
}

/** Sends `multipart/byteranges` (RFC 9110, section 14.6). */
async function sendParts(response: ServerResponse, object: ServedObject, ranges: readonly ByteRange[]): Promise<void> {
  const boundary = randomUUID();
  const heads = ranges.map((range) =>
    Buffer.from(
      `\r\n--${boundary}\r\nContent-Type: ${object.contentType}\r\nContent-Range: ${contentRange(range, object.sizeBytes)}\r\n\r\n`,
    ),
  );
  const end = Buffer.from(`\r\n--${boundary}--\r\n`);
  const length =
    heads.reduce((sum, head) => sum + head.length, end.length) + ranges.reduce((sum, range) => sum + lengthOf(range), 0);
  const first = await object.open(ranges[0]);
  response.writeHead(206, { 'Content-Type': `multipart/byteranges; boundary=${boundary}`, 'Content-Length': length });
  for (const [index, range] of ranges.entries()) {
    response.write(heads[index]);
    await writeObject(response, index === 0 ? first : await object.open(range), lengthOf(range));
  }
  response.end(end);
}
