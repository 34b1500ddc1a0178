import type { ConnectionLimits } from './connections.ts';

/** Limits of connections and requests in this process. Times in milliseconds; 0: no limit. */
export interface HttpLimits {
  readonly connections: ConnectionLimits;
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
  connections: { most: undefined, hardMost: undefined },
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
