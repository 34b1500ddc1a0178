import type { ServerResponse } from 'node:http';

/** Headers as a flat list: name, value, name, value. */
export type HeaderList = readonly string[];

/**
 * The head of one response. Node.js sends one list of headers at a fraction of the cost of headers that are set one by one, so
 * the headers that every response has wait here for those of the handler.
 */
export interface ResponseHead {
  /** Grows until the head is sent. */
  readonly common: string[];
  /** Bytes of the body, as `sendHead` has announced them. */
  contentLength: number | undefined;
  /** The pattern of the path, such as `/v2/<name>/tags/list`; undefined if no route of the protocol serves the request. */
  route: string | undefined;
}

/** Sends status and headers in one piece. `contentLength`: bytes of the body; undefined for a status without one. */
export function sendHead(
  response: ServerResponse,
  head: ResponseHead,
  status: number,
  headers: HeaderList,
  contentLength?: number,
): ServerResponse {
  const length = contentLength === undefined ? [] : ['Content-Length', String(contentLength)];
  response.writeHead(status, [...head.common, ...headers, ...length]);
  head.contentLength = contentLength;
  return response;
}

/** Up to this size, copying a body costs less than a second piece in the write. */
const maxCopiedBytes = 2048;

/** Ends a response whose head is sent. A short body is written in one piece with the head. */
export function endWith(response: ServerResponse, body: Buffer | undefined): void {
  // In latin1 every byte is one character: the text has the bytes of the body, whatever they are.
  if (body && body.length <= maxCopiedBytes) response.end(body.toString('latin1'), 'latin1');
  else response.end(body);
}

/** Sets the headers that every response has, for a handler that sets its own one by one. */
export function setCommonHeaders(response: ServerResponse, { common }: ResponseHead): void {
  for (let index = 0; index + 1 < common.length; index += 2) response.setHeader(common[index] ?? '', common[index + 1] ?? '');
}
