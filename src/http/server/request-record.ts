import type { IncomingMessage, ServerResponse } from 'node:http';
import type { CacheStatus } from '../../mirror/remote/lookup-result.ts';
import type { Span } from '../../telemetry/tracer.ts';
import { failureOf } from '../errors/boundary.ts';
import { hasBody } from '../transfer/body.ts';
import { afterKernelTransfer, bytesSentByKernel } from '../transfer/send-object.ts';
import { mirrorOutcome } from './mirrored.ts';
import type { ResponseHead } from './response-head.ts';
import { routeOf } from './route-pattern.ts';

/** One line of the request log. */
export interface RequestRecord {
  readonly requestId: string;
  readonly client: string;
  /** Name of the account that the request was made for; undefined for clients without a login. */
  readonly account?: string | undefined;
  readonly userAgent?: string | undefined;
  readonly method: string;
  readonly url: string;
  readonly status: number;
  /** Bytes of the body that were read. */
  readonly bytesReceived: number;
  /** Includes the headers. */
  readonly bytesSent: number;
  /** The part of `bytesSent` that is body; too large by at most the length of the headers if the response broke off. */
  readonly bodyBytesSent: number;
  /** From the request's headers to the end of its response, with three decimals. */
  readonly milliseconds: number;
  /** False if the connection ended before the response did. */
  readonly complete: boolean;
  /** The upstream that the repository belongs to. */
  readonly upstream?: string | undefined;
  /** How the mirror got the content. */
  readonly cache?: CacheStatus | undefined;
  /** Why the request was refused, or failed. */
  readonly error?: unknown;
}

/** What is known of a request beside its line in the log. */
export interface RequestTrace {
  /** The pattern of the path; undefined if no route serves it. */
  readonly route: string | undefined;
  /** Undefined if the request belongs to no trace. */
  readonly span: Span | undefined;
}

export type RecordListener = (record: RequestRecord, trace: RequestTrace) => void;

const longestUserAgent = 200;

interface RecordOptions {
  readonly requestId: string;
  readonly client: string;
  readonly head: ResponseHead;
  readonly span?: Span | undefined;
}

/** Calls `log` when the response has ended, completely or not. */
export function recordRequest(
  request: IncomingMessage,
  response: ServerResponse,
  { requestId, client, head, span }: RecordOptions,
  log: RecordListener,
): void {
  const started = performance.now();
  const { url = '', method = '', socket } = request; // Express changes the URL while it routes
  const sentBefore = socket.bytesWritten;
  const received = countBody(request);
  const record = () => {
    const sentByKernel = bytesSentByKernel(response);
    const bytesSent = socket.bytesWritten - sentBefore + sentByKernel;
    const outcome = mirrorOutcome(response);
    const failure = failureOf(request);
    // Records of requests without an error have the same properties in the same order: the code that reads them is faster.
    const line: RequestRecord = {
      requestId,
      client,
      account: accounts.get(request) || undefined,
      userAgent: request.headers['user-agent']?.slice(0, longestUserAgent),
      method,
      url: withoutCode(url),
      status: response.statusCode,
      bytesReceived: received(),
      bytesSent,
      bodyBytesSent: bodyBytes(method, response, head, bytesSent),
      milliseconds: Math.round((performance.now() - started) * 1000) / 1000,
      complete: response.writableFinished || sentByKernel > 0,
      upstream: outcome?.upstream,
      cache: outcome?.cache,
    };
    log(failure === undefined ? line : { ...line, error: failure }, { route: head.route ?? routeOf(request), span });
  };
  response.on('close', () => afterKernelTransfer(response, record));
}

const accounts = new WeakMap<IncomingMessage, string>();

/** Records the account of a request for its log line; '' for none. */
export function noteAccount(request: IncomingMessage, name: string): void {
  accounts.set(request, name);
}

/** Returns a function that returns the received bytes of the body. A `data` listener would start the body before its reader. */
function countBody(request: IncomingMessage): () => number {
  if (!hasBody(request)) return noBytes;
  let bytes = 0;
  const push = request.push.bind(request);
  request.push = (chunk: Buffer | null, encoding?: BufferEncoding) => {
    bytes += chunk?.length ?? 0;
    return push(chunk, encoding);
  };
  return () => bytes;
}

const noBytes = (): number => 0;

function bodyBytes(method: string, response: ServerResponse, { contentLength }: ResponseHead, bytesSent: number): number {
  if (method === 'HEAD' || response.statusCode === 304) return 0;
  return Math.min(bytesSent, contentLength ?? Number(response.getHeader('Content-Length') ?? 0));
}

/** Removes the query of a redirect from an OpenID Connect provider: it contains a secret. */
function withoutCode(url: string): string {
  return url.startsWith('/ui/oidc') ? url.replace(/\?.*$/, '') : url;
}
