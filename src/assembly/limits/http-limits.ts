import type { Config } from '../../../config/schema.ts';
import type { HttpLimits } from '../../http/server/http-limits.ts';

/** Returns the limits of connections and requests. */
export function readHttpLimits({ http }: Pick<Config, 'http'>): HttpLimits {
  return {
    maxConnections: http.maxConnections,
    maxHeaderBytes: http.maxHeaderSize,
    headersTimeout: http.headersTimeout * 1000,
    idleTimeout: http.idleTimeout * 1000,
    requestTimeout: http.requestTimeout * 1000,
    keepAliveTimeout: http.keepAliveTimeout * 1000,
  };
}
