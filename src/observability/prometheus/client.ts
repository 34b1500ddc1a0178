// The index of prom-client also loads OpenTelemetry and what berth does not use: five times the memory, ten times the time.
export { default as Counter } from 'prom-client/lib/counter.js';
export { default as Gauge } from 'prom-client/lib/gauge.js';
export { default as Histogram } from 'prom-client/lib/histogram.js';
export { default as Registry } from 'prom-client/lib/registry.js';
export type { Metric } from 'prom-client';
