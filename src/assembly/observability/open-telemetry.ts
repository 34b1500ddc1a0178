import { randomUUID } from 'node:crypto';
import type { Config } from '../../../config/schema.ts';
import { withTimeout } from '../../coordination/timeout.ts';
import { type Log, observeLog } from '../../observability/log.ts';
import { createPropagation } from '../../telemetry/propagation.ts';
import { type Tracer, traceFields } from '../../telemetry/tracer.ts';
import { readVersion } from './version.ts';

export interface Telemetry {
  /** Undefined without traces. */
  readonly tracer: Tracer | undefined;
  /** Sends what is left, for some seconds at most. */
  close(): Promise<void>;
}

/** The longest time that a shutdown waits for a receiver, in seconds. */
const longestFlush = 3;

/** Opens what `telemetry` asks for, and connects it with the log. */
export async function openTelemetry(
  config: Pick<Config, 'telemetry' | 'shutdown'>,
  log: Log,
  worker: number | undefined,
): Promise<Telemetry> {
  const flushSeconds = Math.min(config.shutdown.grace, longestFlush);
  const { traces, logs } = config.telemetry;
  if (traces !== 'export' && logs === 'off') {
    const tracer = traces === 'off' ? undefined : createPropagation();
    if (tracer) observeLog(log, { traceFields: () => traceFields(tracer.current()?.ids), line: undefined });
    return { tracer, close: () => Promise.resolve() };
  }
  const { samplerRatio: ratio, ...settings } = config.telemetry;
  // The SDK takes time to load, and memory: only where it is used.
  const { openSdk } = await import('../../telemetry/sdk/open-sdk.ts');
  const sdk = openSdk({
    ...settings,
    traces: traces === 'export',
    logs: logs === 'export',
    ratio,
    now: Date.now,
    resource: {
      'service.name': 'berth',
      'service.version': readVersion(),
      'service.instance.id': randomUUID(),
      ...(worker !== undefined && { 'berth.worker': worker }),
    },
    failed: (reason) => log.warn({ reason }, 'telemetry could not be sent'),
  });
  const tracer = sdk.tracer ?? (traces === 'propagate' ? createPropagation() : undefined);
  observeLog(log, { traceFields: () => traceFields(tracer?.current()?.ids), line: sdk.exportLine });
  return { tracer, close: () => withTimeout(sdk.close(), flushSeconds).catch(() => undefined) };
}
