import { randomBytes } from 'node:crypto';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { createServer } from '../platform/http.ts';
import { loadHttps } from '../platform/tls.ts';
import { OciError } from '../oci/errors.ts';
import type { Tracer } from '../telemetry/tracer.ts';
import { createAdmission } from './server/admission.ts';
import type { Certificate } from './server/certificate.ts';
import { sendError } from './errors/boundary.ts';
import { ociFormat } from './errors/oci-errors.ts';
import { limitConnections } from './server/connections.ts';
import { type Exchange, followExchanges } from './server/exchanges.ts';
import { type HttpLimits, serverOptions, usualHttpLimits } from './server/http-limits.ts';
import { cutIdleClients, notInTime } from './server/idle.ts';
import { type LingerLimits, lingerAfterEarlyAnswers } from './server/linger.ts';
import { answerPlainHttp } from './server/plain-http.ts';
import { answerRaw, isAnsweredRaw } from './server/raw-response.ts';
import { type RecordListener, recordRequest } from './server/request-record.ts';
import { beginRequestSpan } from './server/request-span.ts';
import { type ResponseHead, setCommonHeaders } from './server/response-head.ts';
import { serveProtocol } from './v2/dispatch.ts';
import type { Services } from './v2/request-context.ts';

export interface HttpServerOptions {
  readonly protocol: Services;
  /** Serves every path that is not below `/v2`. */
  readonly web: (request: IncomingMessage, response: ServerResponse) => void;
  readonly log: RecordListener;
  /** Undefined: requests have no spans. */
  readonly tracer?: Tracer | undefined;
  /** Undefined: plain HTTP. */
  readonly certificate?: Certificate | undefined;
  /** True if only clients of this machine reach the server: it then accepts loopback names only. */
  readonly listensOnLoopback?: boolean | undefined;
  /** Default: those of `default.yaml`. */
  readonly limits?: HttpLimits | undefined;
  /** How much of a body is read and dropped after an early answer. */
  readonly linger?: LingerLimits | undefined;
}

export function createHttpServer(options: HttpServerOptions): Server {
  const { certificate, limits = usualHttpLimits } = options;
  const settings = serverOptions(limits);
  const server = certificate ? createSecure(certificate, settings) : createServer({ ...settings, noDelay: true });
  const exchanges = followExchanges(server);
  const requirePlace = limitConnections(server, exchanges, limits.connections, certificate !== undefined);
  const handle = createHandler(options, requirePlace);
  cutIdleClients(server, exchanges, limits.idleTimeout);
  lingerAfterEarlyAnswers(exchanges, options.linger);
  exchanges.serve(handle);
  server.on('clientError', (error, socket: Socket) => answerMalformed(error, socket, exchanges.current(socket), limits));
  return server;
}

function createSecure(certificate: Certificate, settings: ReturnType<typeof serverOptions>): Server {
  const server = loadHttps().createServer({ ...settings, ...certificate.identity });
  certificate.attach(server);
  answerPlainHttp(server);
  return server;
}

function createHandler(
  { protocol, web, log, tracer, certificate, listensOnLoopback = false }: HttpServerOptions,
  requirePlace: (socket: Socket) => void,
) {
  const prefix = randomBytes(6).toString('base64url');
  const admit = createAdmission({ publicUrl: protocol.publicUrl, listensOnLoopback });
  let count = 0;

  return (request: IncomingMessage, response: ServerResponse): void => {
    const requestId = `${prefix}-${(++count).toString(36)}`;
    const common = ['X-Request-Id', requestId];
    if (certificate) common.push('Strict-Transport-Security', strictTransport);
    const head: ResponseHead = { common, contentLength: undefined, route: undefined };
    const client = protocol.publicUrl.clientAddress(request); // a closed socket has no address
    const span = tracer && beginRequestSpan(tracer, request, { client, scheme: certificate ? 'https' : 'http' });
    recordRequest(request, response, { requestId, client, head, span }, log);
    const fail = (error: unknown): void => {
      if (!response.headersSent) setCommonHeaders(response, head);
      sendError(request, response, error, ociFormat);
    };
    try {
      requirePlace(request.socket);
      admit(request);
    } catch (error) {
      fail(error);
      return;
    }
    if (isProtocol(request.url ?? '', protocol)) {
      common.push('Docker-Distribution-API-Version', 'registry/2.0');
      const serve = () => serveProtocol(protocol, request, response, head);
      (span ? span.run(serve) : serve()).catch(fail);
      return;
    }
    setCommonHeaders(response, head);
    if (span) span.run(() => web(request, response));
    else web(request, response);
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

/**
 * Answers a request that Node.js cannot parse, or that does not end in time. If there is no response object, the answer is
 * written to the socket, unless another response is being sent: the answer would become a part of its body.
 */
function answerMalformed(error: NodeJS.ErrnoException, socket: Socket, exchange: Exchange | undefined, limits: HttpLimits): void {
  if (isAnsweredRaw(socket)) return;
  const isOpen = exchange?.response.closed === false;
  const isLate = error.code === 'ERR_HTTP_REQUEST_TIMEOUT';
  // An error after a complete request belongs to the next one.
  const isInBody = exchange?.request.complete === false && (isLate || isParseError(error));
  if (isOpen && isInBody && !exchange.response.headersSent) {
    const refusal = isLate
      ? notInTime(`the request did not end within ${limits.requestTimeout / 1000} s`)
      : new OciError('UNSUPPORTED', { status: 400, message: 'the body of the request is not well-formed HTTP' });
    sendError(exchange.request, exchange.response, refusal, ociFormat);
    // No further byte of the body can be read: its reader sees that the request is not complete.
    if (!isLate) exchange.request.push(null);
    return;
  }
  if (!socket.writable || error.code === 'ECONNRESET' || isOpen) {
    socket.destroy();
    return;
  }
  if (isLate) answerRaw(socket, '408 Request Timeout', `the headers did not arrive within ${limits.headersTimeout / 1000} s`);
  else if (error.code === 'HPE_HEADER_OVERFLOW') {
    const message = `the headers of a request have at most ${limits.maxHeaderBytes} bytes here`;
    answerRaw(socket, '431 Request Header Fields Too Large', message);
  } else answerRaw(socket, '400 Bad Request', 'not an HTTP request: Bad Request');
}

/** True for bytes that are not HTTP; false for a client that closes the connection in the middle of a request. */
function isParseError({ code }: NodeJS.ErrnoException): boolean {
  return code?.startsWith('HPE_') === true && code !== 'HPE_INVALID_EOF_STATE';
}
