import { readFileSync } from 'node:fs';
import type { Config } from '../../../config/schema.ts';
import type { ConnectionLimits } from '../../http/server/connections.ts';
import type { HttpLimits } from '../../http/server/http-limits.ts';
import type { Log } from '../../observability/log.ts';
import type { Metrics } from '../../observability/metrics.ts';

interface Parts {
  readonly log: Pick<Log, 'warn'>;
  readonly metrics: Pick<Metrics, 'limits'>;
  /** Files that this process may have open; default: asks the system. */
  readonly openFiles?: number | undefined;
}

/** Returns the limits of connections and requests. */
export function readHttpLimits({ http }: Pick<Config, 'http'>, parts: Parts): HttpLimits {
  return {
    connections: readConnectionLimits(http.maxConnections, parts),
    maxHeaderBytes: http.maxHeaderSize,
    headersTimeout: http.headersTimeout * 1000,
    idleTimeout: http.idleTimeout * 1000,
    requestTimeout: http.requestTimeout * 1000,
    keepAliveTimeout: http.keepAliveTimeout * 1000,
  };
}

/** The part of the open files that connections may take: each transfer needs a file or another connection, too. */
const connectionPart = 0.4;
/** The part at which new connections are closed without an answer. */
const hardPart = 0.45;
/** Pause between two equal log lines about too many connections. */
const complaintMilliseconds = 60_000;

const complaints = {
  idle: 'too many connections: those that rest longest are closed',
  refused: 'too many connections: all are busy, and new ones are refused',
};

function readConnectionLimits(
  configured: number | undefined,
  { log, metrics, openFiles = readOpenFileLimit() }: Parts,
): ConnectionLimits {
  const possible = openFiles === undefined ? undefined : Math.floor(openFiles * connectionPart);
  const most = possible === undefined ? configured : Math.min(possible, configured ?? possible);
  if (configured !== undefined && most !== undefined && most < configured)
    log.warn({ openFiles, connections: most }, 'http.maxConnections is more than the limit of open files permits');
  const complainedAt = { idle: -Infinity, refused: -Infinity };
  return {
    most,
    hardMost: most && Math.min(2 * most, openFiles === undefined ? Infinity : Math.floor(openFiles * hardPart)),
    watch: metrics.limits.watchConnections,
    dropped(reason) {
      metrics.limits.connectionDropped(reason);
      const time = performance.now();
      if (time - complainedAt[reason] < complaintMilliseconds) return;
      complainedAt[reason] = time;
      log.warn({ connections: most }, complaints[reason]);
    },
  };
}

/** Returns the number of files and connections that this process may have open; undefined if the system does not say. */
function readOpenFileLimit(): number | undefined {
  try {
    const soft = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    return soft === undefined ? undefined : Number(soft);
  } catch {
    return undefined; // there is no such file on systems other than Linux
  }
}
