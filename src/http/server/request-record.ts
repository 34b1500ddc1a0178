import type { IncomingMessage, ServerResponse } from 'node:http';
import type { CacheStatus } from '../../mirror/remote/lookup-result.ts';
import { failureOf } from '../errors/boundary.ts';
import { hasBody } from '../transfer/body.ts';
import { bytesSentByKernel } from '../transfer/send-object.ts';
import { mirrorOutcome } from './mirrored.ts';

/** One line of the request log. */
export interface RequestRecord {
  readonly requestId: string;
  readonly client: string;
  /** Name of the account that the request was made for; absent for clients without a login. */
  readonly account?: string;
  readonly userAgent?: string;
  readonly method: string;
  readonly url: string;
  readonly status: number;
  /** Of the body, as far as it was read. */
  readonly bytesReceived: number;
  /** With the headers. */
  readonly bytesSent: number;
  /** The part of them that belongs to the body; of a response that broke off up to the length of its headers too much. */
  readonly bodyBytesSent: number;
  /** From the request's headers to the end of its response, with three decimals. */
  readonly milliseconds: number;
  /** False where the connection ended before the response did. */
  readonly complete: boolean;
  /** The upstream that the repository belongs to. */
  readonly upstream?: string;
  /** How the mirror came by what it served. */
  readonly cache?: CacheStatus;
  /** Why the request was refused, or failed. */
  readonly error?: unknown;
}

const longestUserAgent = 200;

/** Calls `log` once the response is over, however it ends. */
export function recordRequest(
  request: IncomingMessage,
  response: ServerResponse,
  { requestId, client }: Pick<RequestRecord, 'requestId' | 'client'>,
  log: (record: RequestRecord) => void,
): void {
  const started = performance.now();
  const { url = '', method = '', socket } = request; // Express changes the URL on its way
  const sentBefore = socket.bytesWritten;
  const received = countBody(request);
  response.once('close', () => {
    const account = accounts.get(request) ?? '';
    const failure = failureOf(request);
    const bytesSent = socket.bytesWritten - sentBefore + bytesSentByKernel(response);
    const userAgent = request.headers['user-agent']?.slice(0, longestUserAgent);
    log({
      requestId,
      client,
      ...(account === '' ? {} : { account }),
      ...(userAgent === undefined ? {} : { userAgent }),
      method,
      url: withoutCode(url),
      status: response.statusCode,
      bytesReceived: received(),
      bytesSent,
      bodyBytesSent: bodyBytes(method, response, bytesSent),
      milliseconds: Math.round((performance.now() - started) * 1000) / 1000,
      complete: response.writableFinished || bytesSentByKernel(response) > 0,
      ...mirrorOutcome(response),
      ...(failure === undefined ? {} : { error: failure }),
    });
  });
}

const accounts = new WeakMap<IncomingMessage, string>();

/** Notes for the log which account a request is made for; '' for none. */
export function noteAccount(request: IncomingMessage, name: string): void {
  accounts.set(request, name);
}

/** Returns how many bytes of the body have come. A listener would make the body flow before its reader is there. */
function countBody(request: IncomingMessage): () => number {
  if (!hasBody(request)) return () => 0;
  let bytes = 0;
  const push = request.push.bind(request);
  request.push = (chunk: Buffer | null, encoding?: BufferEncoding) => {
    bytes += chunk?.length ?? 0;
    return push(chunk, encoding);
  };
  return () => bytes;
}

function bodyBytes(method: string, response: ServerResponse, bytesSent: number): number {
  if (method === 'HEAD' || response.statusCode === 304) return 0;
  return Math.min(bytesSent, Number(response.getHeader('content-length') ?? 0));
}

/** The query of a login that comes back from its provider has a secret. */
function withoutCode(url: string): string {
  return url.startsWith('/ui/oidc') ? url.replace(/\?.*$/, '') : url;
}
