import type { Counter, Registry } from '../prometheus/client.ts';
import { type Observe, createHistogram } from '../prometheus/histogram.ts';
import { counterOf, durationBuckets } from '../prometheus/registration.ts';

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

/** Upper bounds of the buckets of sizes, in bytes. */
const sizeBuckets = [1024, 16 * 1024, 256 * 1024, 4 * 2 ** 20, 64 * 2 ** 20, 2 ** 30];

/** The label of paths that no route serves: their number is not bounded. */
const noRoute = 'none';

/** `route`: the pattern of the path, such as `/v2/<name>/manifests/<reference>`; undefined if no route serves the path. */
export type RecordRequest = (request: MeasuredRequest, route?: string) => void;

/** Returns a function that records requests. It runs for every request: labels are composed once for a route and a method. */
export function createRequestMetrics(registry: Registry): RecordRequest {
  const seriesOf = createSeries(registry);
  const sent = createTotal(registry, 'http_sent_bytes_total', 'bytes sent to clients');
  const received = createTotal(registry, 'http_received_bytes_total', 'bytes of request bodies received from clients');
  const counter = counterOf(registry);
  const saved = counter('mirror_saved_bytes_total', 'bytes given to clients that no upstream had to send again', ['upstream']);
  const failed = counter('mirror_failed_total', 'requests for mirrored repositories that were answered with an error', [
    'upstream',
    'status',
  ]);
  return ({ method, status, milliseconds, bytesSent, bytesReceived, bodyBytesSent, upstream, cache }, route = noRoute) => {
    const series = seriesOf(method, route);
    series.counts.set(status, (series.counts.get(status) ?? 0) + 1);
    series.observeSeconds(milliseconds / 1000);
    if (bytesReceived > 0) series.observeReceived(bytesReceived);
    if (bodyBytesSent > 0) series.observeSent(bodyBytesSent);
    sent.value += bytesSent;
    received.value += bytesReceived;
    if (upstream === undefined) return;
    if (cache !== undefined && cache !== 'MISS' && status < 300) saved.inc({ upstream }, bodyBytesSent);
    if (status >= 400) failed.inc({ upstream, status });
  };
}

/** What is recorded of the requests of one route with one method. */
interface RouteSeries {
  readonly labels: { readonly method: string; readonly route: string };
  /** Requests by status. */
  readonly counts: Map<number, number>;
  readonly observeSeconds: Observe;
  readonly observeReceived: Observe;
  readonly observeSent: Observe;
}

/** Registers the metrics by method and route. Returns a function that finds their series. */
function createSeries(registry: Registry): (method: string, route: string) => RouteSeries {
  const byRoute = new Map<string, Map<string, RouteSeries>>();
  counterOf(registry)('http_requests_total', 'requests answered', ['method', 'route', 'status'], function (this: Counter) {
    this.reset();
    for (const { labels, counts } of [...byRoute.values()].flatMap((byMethod) => [...byMethod.values()])) {
      for (const [status, requests] of counts) this.inc({ ...labels, status }, requests);
    }
  });
  const [seconds, receivedBytes, sentBytes] = [
    createHistogram(registry, {
      name: 'berth_http_request_seconds',
      help: 'from the request to the end of its response',
      bounds: durationBuckets,
    }),
    createHistogram(registry, {
      name: 'berth_http_request_body_bytes',
      help: 'sizes of request bodies, of requests with a body',
      bounds: sizeBuckets,
    }),
    createHistogram(registry, {
      name: 'berth_http_response_body_bytes',
      help: 'sizes of response bodies as far as they were sent, of responses with a body',
      bounds: sizeBuckets,
    }),
  ];

  return (method, route) => {
    let byMethod = byRoute.get(route);
    if (!byMethod) byRoute.set(route, (byMethod = new Map<string, RouteSeries>()));
    let series = byMethod.get(method);
    if (!series) {
      const labels = { method, route };
      series = {
        labels,
        counts: new Map<number, number>(),
        observeSeconds: seconds(labels),
        observeReceived: receivedBytes(labels),
        observeSent: sentBytes(labels),
      };
      byMethod.set(method, series);
    }
    return series;
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
