import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** A request and its response. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** The requests of a server, for those of its parts that follow each one. */
export interface Exchanges {
  /** Returns the latest exchange of a connection until its response has ended. Responses end in the order of their requests. */
  latest(socket: Socket): Exchange | undefined;
  /** Calls `began` before the handler of each request. */
  onBegin(began: (exchange: Exchange) => void): void;
  /** Calls `ended` when a response has ended, completely or not. */
  onEnd(ended: (exchange: Exchange) => void): void;
}

/** Follows the requests of `server`. There is one listener for all parts of the server, because each costs time per request. */
export function followExchanges(server: Server): Exchanges {
  /** The objects stay: a map whose entries come and go with the requests costs more. */
  const connections = new WeakMap<Socket, { latest: Exchange | undefined }>();
  const beginListeners: ((exchange: Exchange) => void)[] = [];
  const endListeners: ((exchange: Exchange) => void)[] = [];

  const follow = (request: IncomingMessage, response: ServerResponse): void => {
    const exchange = { request, response };
    let connection = connections.get(request.socket);
    if (connection) connection.latest = exchange;
    else connections.set(request.socket, (connection = { latest: exchange }));
    for (const began of beginListeners) began(exchange);
    response.on('close', () => {
      if (connection.latest === exchange) connection.latest = undefined;
      for (const ended of endListeners) ended(exchange);
    });
  };
  server.prependListener('request', follow);
  server.prependListener('checkContinue', follow);

  return {
    latest: (socket) => connections.get(socket)?.latest,
    onBegin: (began) => void beginListeners.push(began),
    onEnd: (ended) => void endListeners.push(ended),
  };
}
