import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { OciError } from '../../oci/errors.ts';
import type { Exchange, Exchanges } from './exchanges.ts';
import { rememberByPeer } from './tls-peers.ts';

/** How many connections this process may have, and what it reports about them. */
export interface ConnectionLimits {
  /** Open connections; undefined: no limit. */
  readonly most: number | undefined;
  /** Open connections above which new ones are closed without an answer. */
  readonly hardMost: number | undefined;
  /** Called with a function that returns the number of open connections. */
  readonly watch?: ((open: () => number) => void) | undefined;
  /** Called for each connection that was closed, or whose request was refused, because there are too many. */
  readonly dropped?: ((reason: 'idle' | 'refused') => void) | undefined;
}

/** A connection of a client. */
interface Connection {
  /** Below TLS. */
  readonly socket: Socket;
  requests: number;
  isExcess: boolean;
  isOpen: boolean;
}

const retryAfterSeconds = 5;

/**
 * Limits the open connections. Above the limit, a new connection closes the one that has been without a request for the longest
 * time; headers that have not ended are no request yet. If every connection has a request, the returned function throws
 * UNAVAILABLE (503) for a request on a new one, so that the client reads why.
 */
export function limitConnections(server: Server, exchanges: Exchanges, limits: ConnectionLimits, isSecure: boolean) {
  const { most = Infinity, hardMost, watch, dropped } = limits;
  /** Those without a request, the longest idle first. */
  const idle = new Set<Connection>();
  const bySocket = new WeakMap<Socket, Connection>();
  let open = 0;
  watch?.(() => open);
  if (hardMost !== undefined) server.maxConnections = hardMost;
  server.on('drop', () => dropped?.('refused'));

  function end(connection: Connection): void {
    if (!connection.isOpen) return;
    connection.isOpen = false;
    idle.delete(connection);
    open--;
  }

  /** Closes the connection that has rested longest. Returns false if none rests. */
  function closeIdle(): boolean {
    const [longest] = idle;
    if (!longest) return false;
    end(longest);
    longest.socket.destroy();
    dropped?.('idle');
    return true;
  }

  onConnections(server, isSecure, bySocket, (socket) => {
    const connection: Connection = { socket, requests: 0, isExcess: false, isOpen: true };
    open++;
    connection.isExcess = open > most && !closeIdle();
    idle.add(connection);
    socket.once('close', () => end(connection));
    return connection;
  });

  exchanges.onBegin(({ request }: Exchange) => {
    const connection = bySocket.get(request.socket);
    if (!connection) return;
    connection.requests++;
    idle.delete(connection);
  });
  exchanges.onEnd(({ request }: Exchange) => {
    const connection = bySocket.get(request.socket);
    if (!connection) return;
    connection.requests--;
    if (connection.requests === 0 && connection.isOpen) idle.add(connection);
  });

  return (socket: Socket): void => {
    const connection = bySocket.get(socket);
    if (!connection?.isExcess) return;
    if (open <= most || closeIdle()) {
      connection.isExcess = false;
      return;
    }
    dropped?.('refused');
    throw new OciError('UNAVAILABLE', {
      message: `the registry has ${most} open connections, and accepts no further ones: try again later`,
      retryAfterSeconds,
      headers: { Connection: 'close' },
    });
  };
}

/** Calls `opened` for each connection, and remembers the result for the socket of its requests: with TLS that is another one. */
function onConnections(
  server: Server,
  isSecure: boolean,
  bySocket: WeakMap<Socket, Connection>,
  opened: (socket: Socket) => Connection,
): void {
  if (!isSecure) {
    server.on('connection', (socket: Socket) => void bySocket.set(socket, opened(socket)));
    return;
  }
  const connectionOf = rememberByPeer(server, opened);
  server.on('secureConnection', (socket: Socket) => {
    const connection = connectionOf(socket);
    if (connection) bySocket.set(socket, connection);
  });
}
