import { choice, fraction, optional, section, url } from './keys.ts';

/** Keys of OpenTelemetry; see `schema.ts`. */

const samplers = [
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
  'always_on',
  'always_off',
  'traceidratio',
] as const;

export const telemetry = section({
  traces: choice(
    ['off', 'propagate', 'export'],
    'propagate: pass the trace of clients (traceparent) on to upstreams and S3; export: send spans to a receiver, too',
  ),
  logs: choice(['off', 'export'], 'export: send the lines of the log to a receiver, too'),
  endpoint: optional(
    url('URL of the receiver (OTLP over HTTP, JSON); default: OTEL_EXPORTER_OTLP_ENDPOINT, or http://localhost:4318'),
  ),
  sampler: choice(samplers, 'which traces are recorded; default: OTEL_TRACES_SAMPLER'),
  samplerRatio: fraction(1, 'part of the traces that a sampler with traceidratio records; default: OTEL_TRACES_SAMPLER_ARG'),
});
