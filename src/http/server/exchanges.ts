import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** A request and its response. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** The requests of a server: those of one connection begin one after the other. */
export interface Exchanges {
  /** Calls `handle` for each request. Called once, after the parts that follow requests have registered. */
  serve(handle: (request: IncomingMessage, response: ServerResponse) => void): void;
  /** Returns the exchange of a connection that has begun, until its response has ended. */
  latest(socket: Socket): Exchange | undefined;
  /** Calls `began` before the handler of each request. */
  onBegin(began: (exchange: Exchange) => void): void;
  /** Calls `ended` when a response has ended, completely or not. */
  onEnd(ended: (exchange: Exchange) => void): void;
}

interface Connection {
  latest: Exchange | undefined;
  readonly waiting: Exchange[];
}

/** Largest number of requests of a connection that wait while another one is handled. */
const maxWaiting = 100;

/**
 * Follows the requests of `server`. There is one listener for all parts of the server, because each costs time per request.
 *
 * Node.js passes on all requests that a client sends without waiting for responses (pipelining). If all began at once, a few
 * connections could open any number of files. A connection on which more than `maxWaiting` requests wait is closed.
 */
export function followExchanges(server: Server): Exchanges {
  /** The objects stay: a map whose entries come and go with the requests costs more. */
  const connections = new WeakMap<Socket, Connection>();
  const beginListeners: ((exchange: Exchange) => void)[] = [];
  const endListeners: ((exchange: Exchange) => void)[] = [];

  let serve: Parameters<Exchanges['serve']>[0] = () => undefined;

  function begin(connection: Connection, exchange: Exchange): void {
    const { request, response } = exchange;
    connection.latest = exchange;
    for (const began of beginListeners) began(exchange);
    response.on('close', () => {
      connection.latest = undefined;
      for (const ended of endListeners) ended(exchange);
      const next = connection.waiting.shift();
      if (next && !request.socket.destroyed) begin(connection, next);
    });
    serve(request, response);
  }

  function accept(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    let connection = connections.get(socket);
    if (!connection) connections.set(socket, (connection = { latest: undefined, waiting: [] }));
    if (!connection.latest) begin(connection, { request, response });
    else if (connection.waiting.length >= maxWaiting) socket.destroy();
    else if (!socket.destroyed) connection.waiting.push({ request, response });
  }

  server.prependListener('request', accept);
  // The handlers answer `Expect: 100-continue` themselves when they need the body.
  server.prependListener('checkContinue', accept);

  return {
    serve: (handle) => void (serve = handle),
    latest: (socket) => connections.get(socket)?.latest,
    onBegin: (began) => void beginListeners.push(began),
    onEnd: (ended) => void endListeners.push(ended),
  };
}
