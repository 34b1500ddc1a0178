import { Histogram, type Registry } from 'prom-client';
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

/** Returns a function that records requests. */
export function createRequestMetrics(registry: Registry): (request: MeasuredRequest) => void {
  const counter = counterOf(registry);
  const requests = counter('http_requests_total', 'requests answered', ['method', 'status']);
  const sent = counter('http_sent_bytes_total', 'bytes sent to clients');
  const received = counter('http_received_bytes_total', 'bytes of request bodies received from clients');
  const durations = new Histogram({
    name: 'berth_http_request_seconds',
    help: 'from the request to the end of its response',
    labelNames: ['method'],
    buckets: durationBuckets,
    registers: [registry],
  });
  const saved = counter('mirror_saved_bytes_total', 'bytes given to clients that no upstream had to send again', ['upstream']);
  const failed = counter('mirror_failed_total', 'requests for mirrored repositories that were answered with an error', [
    'upstream',
    'status',
  ]);
  return ({ method, status, milliseconds, bytesSent, bytesReceived, bodyBytesSent, upstream, cache }) => {
    requests.inc({ method, status });
    sent.inc(bytesSent);
    received.inc(bytesReceived);
    durations.observe({ method }, milliseconds / 1000);
    if (upstream !== undefined && cache !== undefined && cache !== 'MISS' && status < 300) saved.inc({ upstream }, bodyBytesSent);
    if (upstream !== undefined && status >= 400) failed.inc({ upstream, status });
  };
}
