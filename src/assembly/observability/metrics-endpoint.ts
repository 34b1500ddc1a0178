import type { Config } from '../../../config/schema.ts';
import type { MetricsRouterOptions, createMetricsServer } from '../../http/system/metrics.ts';
import type { Log } from '../../observability/log.ts';
import { logRequest } from './request-log.ts';

/** The address of `/metrics` if it has its own. Beside the registry, the other web paths include it. */
export interface MetricsEndpoint {
  /** Rejects when the address is taken. */
  listen(reusePort: boolean): Promise<void>;
  close(): Promise<void>;
}

export async function openMetricsEndpoint(
  { metrics: { listen, token } }: Pick<Config, 'metrics'>,
  metrics: MetricsRouterOptions['metrics'],
  log: Log,
): Promise<MetricsEndpoint> {
  const done = () => Promise.resolve();
  if (!listen) return { listen: done, close: done };
  const system = await import('../../http/system/metrics.ts');
  const server = system.createMetricsServer({ metrics, token }, (record) => logRequest(log, record));
  return {
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
