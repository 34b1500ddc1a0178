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
  /** Returns the exchange in progress on the connection; undefined if there is none. */
  current(socket: Socket): Exchange | undefined;
  /** Calls `began` before the handler of each request. */
  onBegin(began: (exchange: Exchange) => void): void;
  /** Calls `ended` when a response has ended, completely or not. */
  onEnd(ended: (exchange: Exchange) => void): void;
}

interface Connection {
  current: Exchange | undefined;
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
    connection.current = exchange;
    for (const began of beginListeners) began(exchange);
    // Listeners of the handler come first: they read what the connection has sent until now.
    serve(request, response);
    response.on('close', () => {
      connection.current = undefined;
      for (const ended of endListeners) ended(exchange);
      // A connection that ends after this response answers no further request.
      const next = request.socket.writable ? connection.waiting.shift() : undefined;
      if (next) begin(connection, next);
      else connection.waiting.length = 0;
    });
  }

  function accept(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    let connection = connections.get(socket);
    if (!connection) connections.set(socket, (connection = { current: undefined, waiting: [] }));
    if (!connection.current) begin(connection, { request, response });
    else if (connection.waiting.length >= maxWaiting) socket.destroy();
    else if (!socket.destroyed) connection.waiting.push({ request, response });
  }

  server.prependListener('request', accept);
  // The handlers answer `Expect: 100-continue` themselves when they need the body.
  server.prependListener('checkContinue', accept);

  return {
    serve: (handle) => void (serve = handle),
    current: (socket) => connections.get(socket)?.current,
    onBegin: (began) => void beginListeners.push(began),
    onEnd: (ended) => void endListeners.push(ended),
  };
}
