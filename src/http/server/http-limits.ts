import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { OciError } from '../../oci/errors.ts';

/** Limits of connections and requests in this process. Times in milliseconds; 0: no limit. */
export interface HttpLimits {
  /** Open connections; undefined: no limit. */
  readonly maxConnections: number | undefined;
  /** Bytes of the headers of a request. */
  readonly maxHeaderBytes: number;
  /** From the begin of a request to the end of its headers. */
  readonly headersTimeout: number;
  /** Without a byte in either direction within a request. */
  readonly idleTimeout: number;
  /** From the begin of a request to the end of its body. */
  readonly requestTimeout: number;
  /** For which a connection stays open without a request. */
  readonly keepAliveTimeout: number;
}

export const usualHttpLimits: HttpLimits = {
  maxConnections: undefined,
  maxHeaderBytes: 16 * 1024,
  headersTimeout: 20_000,
  idleTimeout: 60_000,
  requestTimeout: 0,
  keepAliveTimeout: 65_000,
};

/** Options of a server of Node.js. */
export function serverOptions({ maxHeaderBytes, headersTimeout, requestTimeout, keepAliveTimeout }: HttpLimits) {
  return {
    maxHeaderSize: maxHeaderBytes,
    headersTimeout,
    // Node.js refuses a time for the whole request that is shorter than the one for its headers.
    requestTimeout: requestTimeout === 0 ? 0 : Math.max(requestTimeout, headersTimeout),
    keepAliveTimeout,
    connectionsCheckingInterval: Math.min(5_000, Math.max(100, headersTimeout / 4)),
  };
}

const retryAfterSeconds = 5;

/**
 * Limits the open connections. Returns a function that throws UNAVAILABLE (503) for a request on a connection above the limit,
 * so that the client reads why. Connections above twice the limit are closed at once.
 */
export function limitConnections(server: Server, maxConnections: number | undefined, isSecure: boolean) {
  if (maxConnections === undefined) return () => undefined;
  const excess = new WeakSet<Socket>();
  let open = 0;
  server.maxConnections = 2 * maxConnections;
  server.on(isSecure ? 'secureConnection' : 'connection', (socket: Socket) => {
    open++;
    if (open > maxConnections) excess.add(socket);
    socket.once('close', () => open--);
  });
  return (socket: Socket): void => {
    if (!excess.has(socket)) return;
    throw new OciError('UNAVAILABLE', {
      message: `the registry has ${maxConnections} open connections, and accepts no further ones: try again later`,
      retryAfterSeconds,
      headers: { Connection: 'close' },
    });
  };
}
