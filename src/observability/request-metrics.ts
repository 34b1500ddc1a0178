import type { Counter, Registry } from './prometheus/client.ts';
import { createDurationHistogram } from './duration-histogram.ts';
import { counterOf, durationBuckets } from './registration.ts';

/** A request whose response has ended. */
export interface MeasuredRequest {
  readonly method: string;
  readonly status: number;
  readonly milliseconds: number;
  /** With the header. */
  readonly bytesSent: number;
  readonly bodyBytesSent: number;
  readonly bytesReceived: number;
  readonly upstream?: string | undefined;
  readonly cache?: string | undefined;
}

/** Returns a function that records requests. It runs for every request: labels are composed at a scrape. */
export function createRequestMetrics(registry: Registry): (request: MeasuredRequest) => void {
  const countRequest = createRequestCounts(registry);
  const sent = createTotal(registry, 'http_sent_bytes_total', 'bytes sent to clients');
  const received = createTotal(registry, 'http_received_bytes_total', 'bytes of request bodies received from clients');
  const observe = createDurationHistogram(registry, {
    name: 'berth_http_request_seconds',
    help: 'from the request to the end of its response',
    label: 'method',
    bounds: durationBuckets,
  });
  const counter = counterOf(registry);
  const saved = counter('mirror_saved_bytes_total', 'bytes given to clients that no upstream had to send again', ['upstream']);
  const failed = counter('mirror_failed_total', 'requests for mirrored repositories that were answered with an error', [
    'upstream',
    'status',
  ]);
  return ({ method, status, milliseconds, bytesSent, bytesReceived, bodyBytesSent, upstream, cache }) => {
    countRequest(method, status);
    sent.value += bytesSent;
    received.value += bytesReceived;
    observe(method, milliseconds / 1000);
    if (upstream === undefined) return;
    if (cache !== undefined && cache !== 'MISS' && status < 300) saved.inc({ upstream }, bodyBytesSent);
    if (status >= 400) failed.inc({ upstream, status });
  };
}

/** Registers a counter whose value at a scrape is that of the returned object. */
function createTotal(registry: Registry, name: string, help: string): { value: number } {
  const total = { value: 0 };
  counterOf(registry)(name, help, [], function (this: Counter) {
    this.reset();
    this.inc(total.value);
  });
  return total;
}

/** Registers the counter of requests by method and status. Returns a function that counts a request. */
function createRequestCounts(registry: Registry): (method: string, status: number) => void {
  const byMethod = new Map<string, Map<number, number>>();
  counterOf(registry)('http_requests_total', 'requests answered', ['method', 'status'], function (this: Counter) {
    this.reset();
    for (const [method, counts] of byMethod) {
      for (const [status, requests] of counts) this.inc({ method, status }, requests);
    }
  });
  return (method, status) => {
    let counts = byMethod.get(method);
    if (!counts) byMethod.set(method, (counts = new Map<number, number>()));
    counts.set(status, (counts.get(status) ?? 0) + 1);
  };
}
