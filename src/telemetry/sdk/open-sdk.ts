import { DiagLogLevel, diag } from '@opentelemetry/api';
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-http';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import {
  type Resource,
  defaultResource,
  detectResources,
  resourceAttributesEnvDetector,
  resourceFromAttributes,
  serviceNameEnvDetector,
} from '@opentelemetry/resources';
import { BatchLogRecordProcessor, LoggerProvider } from '@opentelemetry/sdk-logs';
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import type { Tracer } from '../tracer.ts';
import { createLineExporter } from './log-export.ts';
import { type SamplerSettings, createSampler } from './sampler.ts';
import { createSdkTracer } from './tracer.ts';

export interface SdkOptions extends SamplerSettings {
  readonly traces: boolean;
  readonly logs: boolean;
  /** URL of the receiver, without `v1/traces`; undefined: `OTEL_EXPORTER_OTLP_ENDPOINT`, or the usual one. */
  readonly endpoint: string | undefined;
  /** Of `service.name` and others; `OTEL_RESOURCE_ATTRIBUTES` and `OTEL_SERVICE_NAME` win. */
  readonly resource: Readonly<Record<string, string | number>>;
  /** Called when something cannot be sent; at most once a minute. */
  readonly failed: (message: string) => void;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** The SDK of OpenTelemetry, which sends what it gets to a receiver. Callers never wait; what is too much is dropped. */
export interface Sdk {
  readonly tracer: Tracer | undefined;
  /** Exports a line of the log. */
  readonly exportLine: ((line: string) => void) | undefined;
  /** Sends what is left. May wait as long as the receiver does not answer. */
  close(): Promise<void>;
}

export function openSdk({ traces, logs, endpoint, resource: attributes, failed, now, ...sampling }: SdkOptions): Sdk {
  reportFailures(failed, now);
  const resource = resourceOf(attributes);
  const at = (path: string) => (endpoint === undefined ? {} : { url: `${endpoint.replace(/\/$/, '')}/${path}` });
  const tracerProvider =
    traces &&
    new TracerProvider({
      resource,
      sampler: createSampler(sampling),
      spanProcessors: [new BatchSpanProcessor({ exporter: new OTLPTraceExporter(at('v1/traces')) })],
    });
  const loggerProvider =
    logs &&
    new LoggerProvider({
      resource,
      processors: [new BatchLogRecordProcessor({ exporter: new OTLPLogExporter(at('v1/logs')) })],
    });
  return {
    tracer: tracerProvider ? createSdkTracer(tracerProvider.getTracer('berth')) : undefined,
    exportLine: loggerProvider ? createLineExporter(loggerProvider.getLogger('berth')) : undefined,
    async close() {
      const providers = [tracerProvider, loggerProvider].filter((provider) => provider !== false);
      // What could not be sent was reported.
      await Promise.allSettled(providers.map((provider) => provider.shutdown()));
    },
  };
}

function resourceOf(attributes: SdkOptions['resource']): Resource {
  const own = resourceFromAttributes(attributes);
  return defaultResource()
    .merge(own)
    .merge(detectResources({ detectors: [resourceAttributesEnvDetector, serviceNameEnvDetector] }));
}

const reportMilliseconds = 60_000;

/** A receiver that is down fails every few seconds: one line in a minute is enough. */
function reportFailures(failed: SdkOptions['failed'], now: SdkOptions['now']): void {
  let quietUntil = 0;
  const report = (message: string): void => {
    if (now() < quietUntil) return;
    quietUntil = now() + reportMilliseconds;
    failed(message);
  };
  const ignore = (): void => undefined;
  const logger = { error: report, warn: report, info: ignore, debug: ignore, verbose: ignore };
  diag.setLogger(logger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
}
