import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ByteRange, OpenObject } from '../../../storage/blobs/driver.ts';
import { conditionOf, isExpected, isKnown } from '../../oci/condition.ts';
import { OciError, preconditionFailed } from '../../oci/errors.ts';
import { lengthOf, parseRange } from './range.ts';
import { sendObject, writeObject } from './send-object.ts';

interface ServedFacts {
  readonly sizeBytes: number;
  /** Includes the quotes. */
  readonly etag: string;
  readonly contentType: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** An immutable object and how to open it. */
export interface ServedObject extends ServedFacts {
  open(range?: ByteRange): Promise<OpenObject>;
}

/** Immutable content that is made of several objects. */
export interface ComposedContent extends ServedFacts {
  /** Sends a range without ending the response. */
  write(response: ServerResponse, range: ByteRange): Promise<void>;
}

/**
 * Answers GET and HEAD of an immutable object, with conditions and single or multiple ranges (RFC 9110, sections 13 and 14).
 * Throws an OciError (416) for ranges outside of the object. After headers were sent a failure cuts the socket.
 */
export async function serveObject(
  request: IncomingMessage,
  response: ServerResponse,
  object: ServedObject | ComposedContent,
): Promise<void> {
  const { sizeBytes, etag, contentType, headers } = object;
  response.setHeader('Accept-Ranges', 'bytes');
  response.setHeader('ETag', etag);
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  const condition = conditionOf(request.headers);
  if (condition && !isExpected(condition, etag)) throw preconditionFailed('the content');
  if (condition && isKnown(condition, etag)) {
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
  else if ('open' in object) await sendObject(response, await object.open(range), length);
  else {
    await object.write(response, range ?? { first: 0, last: sizeBytes - 1 });
    response.end();
  }
}

/** "A server MUST ignore a Range header field received with a request method … other than GET"; `If-Range` compares strongly. */
function rangeApplies(request: IncomingMessage, etag: string): boolean {
  const condition = request.headers['if-range'];
  return request.method === 'GET' && (condition === undefined || condition === etag);
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
async function sendParts(
  response: ServerResponse,
  object: ServedObject | ComposedContent,
  ranges: readonly ByteRange[],
): Promise<void> {
  const boundary = randomUUID();
  const heads = ranges.map((range) =>
    Buffer.from(
      `\r\n--${boundary}\r\nContent-Type: ${object.contentType}\r\nContent-Range: ${contentRange(range, object.sizeBytes)}\r\n\r\n`,
    ),
  );
  const end = Buffer.from(`\r\n--${boundary}--\r\n`);
  const length =
    heads.reduce((sum, head) => sum + head.length, end.length) + ranges.reduce((sum, range) => sum + lengthOf(range), 0);
  const first = 'open' in object ? await object.open(ranges[0]) : undefined;
  response.writeHead(206, { 'Content-Type': `multipart/byteranges; boundary=${boundary}`, 'Content-Length': length });
  for (const [index, range] of ranges.entries()) {
    response.write(heads[index]);
    if (!('open' in object)) await object.write(response, range);
    else await writeObject(response, index === 0 && first ? first : await object.open(range), lengthOf(range));
  }
  response.end(end);
}
