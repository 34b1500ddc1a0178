import { expect, test } from '@jest/globals';
import { Counter, Histogram, Registry } from 'prom-client';
import { durationBuckets } from '../../src/observability/prometheus/registration.ts';
import { createMetrics } from '../../src/observability/metrics.ts';

const route = '/v2/<name>/tags/list';
const request = { method: 'GET', route, status: 200, milliseconds: 3, bytesSent: 10, bodyBytesSent: 5, bytesReceived: 2 };
const requests = [
  request,
  { ...request, milliseconds: 1 },
  { ...request, milliseconds: 60_001 },
  { ...request, method: 'HEAD', route: undefined, status: 404, milliseconds: 0.3, bodyBytesSent: 0, bytesReceived: 0 },
  { ...request, method: 'PUT', status: 201, milliseconds: 250.125, bodyBytesSent: 5000, bytesReceived: 2 ** 31 },
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
    labelNames: ['method', 'route', 'status'],
    registers: [registry],
  });
  const histogram = (name: string, help: string, buckets: number[]) =>
    new Histogram({ name: `berth_http_${name}`, help, labelNames: ['method', 'route'], buckets, registers: [registry] });
  const seconds = histogram('request_seconds', 'from the request to the end of its response', durationBuckets);
  const sizes = [1024, 16384, 262_144, 4_194_304, 67_108_864, 1_073_741_824];
  const received = histogram('request_body_bytes', 'sizes of request bodies, of requests with a body', sizes);
  const sent = histogram(
    'response_body_bytes',
    'sizes of response bodies as far as they were sent, of responses with a body',
    sizes,
  );
  for (const one of requests) {
    metrics.request(one, one.route);
    const labels = { method: one.method, route: one.route ?? 'none' };
    counter.inc({ ...labels, status: one.status });
    seconds.observe(labels, one.milliseconds / 1000);
    if (one.bytesReceived > 0) received.observe(labels, one.bytesReceived);
    if (one.bodyBytesSent > 0) sent.observe(labels, one.bodyBytesSent);
  }
  const [text, expected] = [await metrics.text(), await registry.metrics()];
  const names = ['requests_total', 'request_seconds', 'request_body_bytes', 'response_body_bytes'];
  for (const name of names.map((end) => `berth_http_${end}`)) {
    expect(linesOf(text, name).toSorted()).toEqual(linesOf(expected, name).toSorted());
  }
});

test('the totals of bytes grow with each request, and a scrape does not change them', async () => {
  const metrics = createMetrics();
  const totals = async () => linesOf(await metrics.text(), 'berth_http_').filter((line) => /_bytes_total \d/.test(line));
  expect(await totals()).toEqual(['berth_http_sent_bytes_total 0', 'berth_http_received_bytes_total 0']);
  for (const one of requests) metrics.request(one);
  await totals();
  expect(await totals()).toEqual(['berth_http_sent_bytes_total 50', `berth_http_received_bytes_total ${2 ** 31 + 6}`]);
});
