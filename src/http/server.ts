import { randomBytes } from 'node:crypto';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import { createServer } from '../platform/http.ts';
import { createAdmission } from './server/admission.ts';
import type { Certificate } from './server/certificate.ts';
import { sendError } from './errors/boundary.ts';
import { ociFormat } from './errors/oci-errors.ts';
import { cutIdleClients } from './server/idle.ts';
import { type LingerLimits, lingerAfterEarlyAnswers } from './server/linger.ts';
import { answerPlainHttp } from './server/plain-http.ts';
import { answerRaw } from './server/raw-response.ts';
import { type RequestRecord, recordRequest } from './server/request-record.ts';
import { type ResponseHead, setCommonHeaders } from './server/response-head.ts';
import { serveProtocol } from './v2/dispatch.ts';
import type { Services } from './v2/request-context.ts';

export interface HttpServerOptions {
  readonly protocol: Services;
  /** Serves every path that is not below `/v2`. */
  readonly web: (request: IncomingMessage, response: ServerResponse) => void;
  readonly log: (record: RequestRecord) => void;
  /** Undefined: plain HTTP. */
  readonly certificate?: Certificate | undefined;
  /** True if only clients of this machine reach the server: it then accepts loopback names only. */
  readonly listensOnLoopback?: boolean | undefined;
  /** How much of a body is read and dropped after an early answer. */
  readonly linger?: LingerLimits | undefined;
}

/** A client that sends and receives nothing for this long is disconnected. */
const idleMilliseconds = 60_000;

/** Milliseconds. Bodies have no time limit as long as bytes arrive. */
const settings = { headersTimeout: 20_000, requestTimeout: 0, keepAliveTimeout: 65_000, connectionsCheckingInterval: 5_000 };

export function createHttpServer(options: HttpServerOptions): Server {
  const server = options.certificate ? createSecure(options.certificate) : createServer({ ...settings, noDelay: true });
  const handle = createHandler(options);
  cutIdleClients(server, idleMilliseconds);
  lingerAfterEarlyAnswers(server, options.linger);
  server.on('request', handle);
  // The handlers answer `Expect: 100-continue` themselves when they need the body.
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

function createHandler({ protocol, web, log, certificate, listensOnLoopback = false }: HttpServerOptions) {
  const prefix = randomBytes(6).toString('base64url');
  const admit = createAdmission({ publicUrl: protocol.publicUrl, listensOnLoopback });
  let count = 0;

  return (request: IncomingMessage, response: ServerResponse): void => {
    const requestId = `${prefix}-${(++count).toString(36)}`;
    const common = ['X-Request-Id', requestId];
    if (certificate) common.push('Strict-Transport-Security', strictTransport);
    const head: ResponseHead = { common, contentLength: undefined };
    const client = protocol.publicUrl.clientAddress(request); // a closed socket has no address
    recordRequest(request, response, { requestId, client, head }, log);
    latestResponses.set(request.socket, response);
    const fail = (error: unknown): void => {
      if (!response.headersSent) setCommonHeaders(response, head);
      sendError(request, response, error, ociFormat);
    };
    try {
      admit(request);
    } catch (error) {
      fail(error);
      return;
    }
    if (isProtocol(request.url ?? '', protocol)) {
      common.push('Docker-Distribution-API-Version', 'registry/2.0');
      serveProtocol(protocol, request, response, head).catch(fail);
      return;
    }
    setCommonHeaders(response, head);
    web(request, response);
  };
}

/** A browser that has used TLS with this host uses only TLS for a year (RFC 6797). */
const strictTransport = 'max-age=31536000';

/** True for paths of the registry protocol, also below the name of an upstream: `/ghcr.io/v2/…`. */
function isProtocol(url: string, { mirror }: Services): boolean {
  if (url.startsWith('/v2/') || url === '/v2' || url.startsWith('/v2?')) return true;
  const prefix = /^\/([^/?]+)\/v2(?:[/?]|$)/.exec(url)?.[1];
  return prefix !== undefined && mirror?.isPrefix(prefix) === true;
}

/** The response to the latest request of each connection. Responses end in the order of their requests. */
const latestResponses = new WeakMap<Socket, ServerResponse>();

/**
 * Answers a request that Node.js cannot parse. There is no response object, so the answer is written to the socket, unless
 * another response is being sent: the answer would become a part of its body.
 */
function answerMalformed(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET' || latestResponses.get(socket)?.closed === false) {
    socket.destroy();
    return;
  }
  const status = error.code === 'HPE_HEADER_OVERFLOW' ? '431 Request Header Fields Too Large' : '400 Bad Request';
  const line = error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? '408 Request Timeout' : status;
  answerRaw(socket, line, `not an HTTP request: ${line.slice(4)}`);
}
