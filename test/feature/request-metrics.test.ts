import { expect, test } from '@jest/globals';
import { Counter, Histogram, Registry } from 'prom-client';
import { durationBuckets } from '../../src/observability/registration.ts';
import { createMetrics } from '../../src/observability/metrics.ts';

const request = { method: 'GET', status: 200, milliseconds: 3, bytesSent: 10, bodyBytesSent: 5, bytesReceived: 2 };
const requests = [
  request,
  { ...request, milliseconds: 1 },
  { ...request, milliseconds: 60_001 },
  { ...request, method: 'HEAD', status: 404, milliseconds: 0.3 },
  { ...request, method: 'PUT', status: 201, milliseconds: 250.125 },
];

/** The lines of a metric, without those of others. */
function linesOf(text: string, name: string): readonly string[] {
  return text.split('\n').filter((line) => line.replace(/^# \w+ /, '').startsWith(name));
}

test.each([undefined, 3])('requests are counted as by the classes of prom-client (worker %s)', async (worker) => {
  const metrics = createMetrics(worker);
  const registry = new Registry();
  if (worker !== undefined) registry.setDefaultLabels({ worker });
  const counter = new Counter({
    name: 'berth_http_requests_total',
    help: 'requests answered',
    labelNames: ['method', 'status'],
    registers: [registry],
  });
  const histogram = new Histogram({
    name: 'berth_http_request_seconds',
    help: 'from the request to the end of its response',
    labelNames: ['method'],
    buckets: durationBuckets,
    registers: [registry],
  });
  for (const one of requests) {
    metrics.request(one);
    counter.inc({ method: one.method, status: one.status });
    histogram.observe({ method: one.method }, one.milliseconds / 1000);
  }
  const [text, expected] = [await metrics.text(), await registry.metrics()];
  for (const name of ['berth_http_requests_total', 'berth_http_request_seconds']) {
    expect(linesOf(text, name)).toEqual(linesOf(expected, name));
  }
});

test('the totals of bytes grow with each request, and a scrape does not change them', async () => {
  const metrics = createMetrics();
  const totals = async () => linesOf(await metrics.text(), 'berth_http_').filter((line) => /_bytes_total \d/.test(line));
  expect(await totals()).toEqual(['berth_http_sent_bytes_total 0', 'berth_http_received_bytes_total 0']);
  for (const one of requests) metrics.request(one);
  await totals();
  expect(await totals()).toEqual(['berth_http_sent_bytes_total 50', 'berth_http_received_bytes_total 10']);
});
