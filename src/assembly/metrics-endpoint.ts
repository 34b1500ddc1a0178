import type { Config } from '../../config/schema.ts';
import { type MetricsRouterOptions, createMetricsRouter, createMetricsServer } from '../http/system/metrics.ts';
import type { Extension } from '../http/web.ts';
import type { Log } from '../observability/log.ts';
import { logRequest } from './request-log.ts';

/** Where `/metrics` is served: beside the registry, or at an address of its own. */
export interface MetricsEndpoint {
  readonly extensions: readonly Extension[];
  /** Rejects when the address is taken. */
  listen(reusePort: boolean): Promise<void>;
  close(): Promise<void>;
}

export function openMetricsEndpoint(
  { metrics: { listen, token } }: Pick<Config, 'metrics'>,
  metrics: MetricsRouterOptions['metrics'],
  log: Log,
): MetricsEndpoint {
  const options = { metrics, token };
  if (!listen) {
    const done = () => Promise.resolve();
    return { extensions: [{ path: '/metrics', router: createMetricsRouter(options) }], listen: done, close: done };
  }
  const server = createMetricsServer(options, (record) => logRequest(log, record));
  return {
    extensions: [],
    listen: (reusePort) => listening(server, { ...listen, reusePort }),
    async close() {
      server.closeAllConnections();
      await new Promise<void>((closed) => void server.close(() => closed()));
    },
  };
}

function listening(
  server: ReturnType<typeof createMetricsServer>,
  address: { readonly host: string; readonly port: number; readonly reusePort: boolean },
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(address, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
