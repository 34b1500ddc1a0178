import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { isTlsSocket } from '../../platform/tls.ts';
import { hasBody } from '../transfer/body.ts';
import type { Exchanges } from './exchanges.ts';

/** How much of a request's body is read and dropped after its response was sent. */
export interface LingerLimits {
  readonly milliseconds: number;
  readonly bytes: number;
}

const usualLimits: LingerLimits = { milliseconds: 30_000, bytes: 256 * 1024 * 1024 };

/** Time between two checks of the limits. */
const checkMilliseconds = 100;

interface Connection {
  /** The latest request with a body. */
  request: IncomingMessage;
  isDraining: boolean;
}

/**
 * Delivers responses that end before their request does. If a server closes a connection while the client still sends, the
 * kernel resets it and the client loses the response (RFC 9112, 9.6). This function closes such a connection for writing only,
 * reads and drops the rest of the request within `limits`, and then closes the connection. A connection that stays open for
 * further requests is cut at the same limits.
 */
export function lingerAfterEarlyAnswers(exchanges: Exchanges, limits: LingerLimits = usualLimits): void {
  const connections = new WeakMap<Socket, Connection>();

  exchanges.onBegin(({ request, response }) => {
    if (!hasBody(request)) return;
    const { socket } = request;
    const known = connections.get(socket);
    const connection = known ?? { request, isDraining: false };
    connection.request = request;
    if (!known) {
      connections.set(socket, connection);
      delayClose(socket, connection, limits);
    }
    response.once('finish', () => {
      if (!connection.isDraining && isUnread(request)) drain(connection, limits);
    });
  });
}

/** Node.js closes a connection after its last response by `destroySoon`. */
function delayClose(socket: Socket, connection: Connection, limits: LingerLimits): void {
  const close = socket.destroySoon.bind(socket);
  socket.destroySoon = () => {
    const { request } = connection;
    if (!isUnread(request)) {
      close();
      return;
    }
    // A TLS connection cannot be read after its own end; the client knows from Content-Length that the response is complete.
    if (!isTlsSocket(socket)) socket.end();
    request.once('end', close);
    drain(connection, limits);
  };
}

function isUnread(request: IncomingMessage): boolean {
  return hasBody(request) && !request.complete && !request.destroyed;
}

/** Reads and drops the rest of the body, and cuts the connection at a limit. */
function drain(connection: Connection, { milliseconds, bytes }: LingerLimits): void {
  const { request } = connection;
  const { socket } = request;
  const deadline = performance.now() + milliseconds;
  const maxRead = socket.bytesRead + bytes;
  connection.isDraining = true;
  const check = setInterval(() => {
    if (performance.now() > deadline || socket.bytesRead > maxRead) socket.destroy();
  }, checkMilliseconds).unref();
  const stop = (): void => {
    connection.isDraining = false;
    clearInterval(check);
  };
  request.once('end', stop);
  socket.once('close', stop);
  request.resume();
}
