import { randomBytes } from 'node:crypto';
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { CacheStatus } from '../mirror/served.ts';
import type { Certificate } from './certificate.ts';
import { ClientGone } from './client-gone.ts';
import { sendError } from './errors.ts';
import { cutIdleClients } from './idle.ts';
import { type LingerLimits, lingerAfterEarlyAnswers } from './linger.ts';
import { answerPlainHttp } from './plain-http.ts';
import { answerRaw } from './raw-answer.ts';
import { bytesSentByKernel } from './send-object.ts';
import { serveProtocol } from './v2/dispatch.ts';
import type { Protocol } from './v2/exchange.ts';
import { mirrorOutcome } from './v2/mirrored.ts';

/** One line of the request log. */
export interface RequestRecord {
  readonly requestId: string;
  readonly client: string;
  readonly method: string;
  readonly url: string;
  readonly status: number;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  /** The part of them that belongs to the body; of a response that broke off up to the length of its headers too much. */
  readonly bodyBytesSent: number;
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

export interface HttpServerOptions {
  readonly protocol: Protocol;
  /** Everything that is not below `/v2`. */
  readonly web: (request: IncomingMessage, response: ServerResponse) => void;
  readonly log: (record: RequestRecord) => void;
  /** Serves TLS with it, and plain HTTP without. */
  readonly certificate?: Certificate | undefined;
  /** How much of a body is read and dropped after an early answer. */
  readonly linger?: LingerLimits | undefined;
}

/** A client that sends nothing, or takes nothing, for this long is cut off. */
const idleMilliseconds = 60_000;

/** Milliseconds. Bodies may take as long as they move. */
const settings = { headersTimeout: 20_000, requestTimeout: 0, keepAliveTimeout: 65_000, connectionsCheckingInterval: 5_000 };

export function createHttpServer(options: HttpServerOptions): Server {
  const server = options.certificate ? createSecure(options.certificate) : createServer({ ...settings, noDelay: true });
  const handle = createHandler(options);
  cutIdleClients(server, idleMilliseconds);
  lingerAfterEarlyAnswers(server, options.linger);
  server.on('request', handle);
  // The handlers answer `Expect: 100-continue` themselves, once they know that they want the body.
  server.on('checkContinue', handle);
  server.on('clientError', answerMalformed);
  return server;
}

function createSecure(certificate: Certificate): Server {
  const server = createTlsServer({ ...settings, ...certificate.identity });
  certificate.attach(server);
  answerPlainHttp(server);
  return server;
}

function createHandler({ protocol, web, log }: HttpServerOptions) {
  const prefix = randomBytes(6).toString('base64url');
  let count = 0;

  return (request: IncomingMessage, response: ServerResponse): void => {
    const started = performance.now();
    const requestId = `${prefix}-${(++count).toString(36)}`;
    const { url = '' } = request; // Express changes it on its way
    const sentBefore = request.socket.bytesWritten;
    let failure: unknown;
    response.setHeader('X-Request-Id', requestId);
    const { socket } = request;
    const client = protocol.origin.clientAddress(request); // a closed socket has no address any more
    unanswered.set(socket, (unanswered.get(socket) ?? 0) + 1);
    response.once('close', () => unanswered.set(socket, (unanswered.get(socket) ?? 1) - 1));
    response.once('close', () => {
      const bytesSent = request.socket.bytesWritten - sentBefore + bytesSentByKernel(response);
      log({
        requestId,
        client,
        method: request.method ?? '',
        url: withoutCode(url),
        status: response.statusCode,
        bytesReceived: Number(request.headers['content-length'] ?? 0),
        bytesSent,
        bodyBytesSent: bodyBytes(request, response, bytesSent),
        milliseconds: performance.now() - started,
        complete: response.writableFinished || bytesSentByKernel(response) > 0,
        ...mirrorOutcome(response),
        ...(failure === undefined ? {} : { error: failure }),
      });
    });
    if (!isProtocol(url, protocol)) {
      web(request, response);
      return;
    }
    serveProtocol(protocol, request, response).catch((error: unknown) => {
      if (!(error instanceof ClientGone)) failure = error;
      sendError(request, response, error, requestId);
    });
  };
}

function bodyBytes({ method }: IncomingMessage, response: ServerResponse, bytesSent: number): number {
  if (method === 'HEAD' || response.statusCode === 304) return 0;
  return Math.min(bytesSent, Number(response.getHeader('content-length') ?? 0));
}

/** The query of a login that comes back from its provider has a secret. */
function withoutCode(url: string): string {
  return url.startsWith('/ui/oidc') ? url.replace(/\?.*$/, '') : url;
}

/** Mirrors may be asked below an upstream's name too: `/ghcr.io/v2/…`. */
function isProtocol(url: string, { mirror }: Protocol): boolean {
  if (url.startsWith('/v2/') || url === '/v2' || url.startsWith('/v2?')) return true;
  const prefix = /^\/([^/?]+)\/v2(?:[/?]|$)/.exec(url)?.[1];
  return prefix !== undefined && mirror?.isPrefix(prefix) === true;
}

/** Requests of the connection whose responses are not complete. */
const unanswered = new WeakMap<Socket, number>();

/**
 * What Node's parser refuses: the answer must be written by hand, since there is no response object. While another
 * response is under way nothing may be written, or it would land in that one's body.
 */
function answerMalformed(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET' || (unanswered.get(socket) ?? 0) > 0) {
    socket.destroy();
    return;
  }
  const status = error.code === 'HPE_HEADER_OVERFLOW' ? '431 Request Header Fields Too Large' : '400 Bad Request';
  const line = error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? '408 Request Timeout' : status;
  answerRaw(socket, line, `not an HTTP request: ${line.slice(4)}`);
}
