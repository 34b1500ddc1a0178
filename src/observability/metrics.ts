import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

/** What a scrape finds out at its own time. */
export interface MirrorState {
  readonly fills: number;
  readonly fillBytes: number;
  readonly sizeBytes: number;
  readonly limits: readonly { readonly upstream: string; readonly limit: number; readonly remaining: number }[];
  readonly refusedLogins: readonly { readonly upstream: string; readonly count: number }[];
  readonly circuits: readonly {
    readonly upstream: string;
    readonly host: number;
    readonly logins: number;
    readonly repositories: number;
  }[];
  readonly connections: readonly { readonly upstream: string; readonly inUse: number; readonly waiting: number }[];
}

/** Numbers for Prometheus. Nothing in them names a repository or a person. */
export interface Metrics {
  readonly contentType: string;
  text(): Promise<string>;
  request(record: {
    readonly method: string;
    readonly status: number;
    readonly milliseconds: number;
    readonly bytesSent: number;
    readonly bodyBytesSent: number;
    readonly upstream?: string;
    readonly cache?: string;
    readonly bytesReceived: number;
  }): void;
  readonly mirror: {
    served(upstream: string, kind: string, cache: string): void;
    received(upstream: string, bytes: number): void;
    waited(upstream: string, seconds: number): void;
    resumed(upstream: string): void;
    mismatched(): void;
    evicted(bytes: number): void;
    notKept(): void;
    refreshed(result: string): void;
    abandoned(): void;
  };
  /** Asked at each scrape. */
  watchMirror(state: () => MirrorState): void;
}

const seconds = [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60];

/** `worker` becomes a label of everything, where several processes are scraped as one. */
export function createMetrics(worker?: number): Metrics {
  const registry = new Registry();
  if (worker !== undefined) registry.setDefaultLabels({ worker });
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const counter = <Label extends string>(name: string, help: string, labelNames: readonly Label[] = []) =>
    new Counter({ name: `berth_${name}`, help, labelNames, registers });

  const requests = counter('http_requests_total', 'requests answered', ['method', 'status']);
  const sent = counter('http_sent_bytes_total', 'bytes sent to clients');
  const receivedHere = counter('http_received_bytes_total', 'bytes of request bodies received from clients');
  const durations = new Histogram({
    name: 'berth_http_request_seconds',
    help: 'from the request to the end of its response',
    labelNames: ['method'],
    buckets: seconds,
    registers,
  });
  const served = counter('mirror_served_total', 'mirrored manifests and blobs given to clients', ['upstream', 'kind', 'cache']);
  const saved = counter('mirror_saved_bytes_total', 'bytes given to clients that no upstream had to send again', ['upstream']);
  const received = counter('mirror_received_bytes_total', 'bytes of blobs that upstreams sent', ['upstream']);
  const failed = counter('mirror_failed_total', 'requests for mirrored repositories that were answered with an error', [
    'upstream',
    'status',
  ]);
  const waits = new Histogram({
    name: 'berth_mirror_connection_wait_seconds',
    help: 'how long downloads waited for a connection to their upstream',
    labelNames: ['upstream'],
    buckets: seconds,
    registers,
  });
  const resumed = counter('mirror_resumed_total', 'downloads taken up again after a break', ['upstream']);
  const mismatched = counter('mirror_digest_mismatches_total', 'downloads that were not what their digest names');
  const evicted = counter('mirror_evicted_total', 'mirrored content evicted');
  const notKept = counter(
    'mirror_not_kept_total',
    'blobs served and not kept: huge ones asked for once, others where there was no room',
  );
  const refreshed = counter('mirror_refreshed_total', 'listed images looked after: done, put off, failed', ['result']);
  const abandoned = counter('mirror_abandoned_total', 'downloads that were ended because nobody read them any more');
  const evictedBytes = counter('mirror_evicted_bytes_total', 'bytes of mirrored content evicted');

  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    request({ method, status, milliseconds, bytesSent, bytesReceived, bodyBytesSent, upstream, cache }) {
      requests.inc({ method, status });
      sent.inc(bytesSent);
      receivedHere.inc(bytesReceived);
      durations.observe({ method }, milliseconds / 1000);
      if (upstream !== undefined && cache !== undefined && cache !== 'MISS' && status < 300)
        saved.inc({ upstream }, bodyBytesSent);
      if (upstream !== undefined && status >= 400) failed.inc({ upstream, status });
    },
    mirror: {
      served: (upstream, kind, cache) => served.inc({ upstream, kind, cache }),
      received: (upstream, bytes) => received.inc({ upstream }, bytes),
      waited: (upstream, waitedSeconds) => waits.observe({ upstream }, waitedSeconds),
      resumed: (upstream) => resumed.inc({ upstream }),
      mismatched: () => mismatched.inc(),
      evicted(bytes) {
        evicted.inc();
        evictedBytes.inc(bytes);
      },
      notKept: () => notKept.inc(),
      refreshed: (result) => refreshed.inc({ result }),
      abandoned: () => abandoned.inc(),
    },
    watchMirror: (state) => watchMirror(registry, state),
  };
}

function watchMirror(registry: Registry, state: () => MirrorState): void {
  const registers = [registry];
  new Gauge({
    name: 'berth_mirror_fills',
    help: 'downloads from upstreams in progress',
    registers,
    collect() {
      this.set(state().fills);
    },
  });
  new Gauge({
    name: 'berth_mirror_fill_bytes',
    help: 'bytes of downloads in progress that are not stored yet',
    registers,
    collect() {
      this.set(state().fillBytes);
    },
  });
  new Gauge({
    name: 'berth_mirror_upstream_up',
    help: '0 while the upstream is not asked, because it could not be reached or did not answer',
    labelNames: ['upstream'],
    registers,
    collect() {
      for (const { upstream, host } of state().circuits) this.set({ upstream }, host > 0 ? 0 : 1);
    },
  });
  new Gauge({
    name: 'berth_mirror_open_circuits',
    help: 'parts of the upstream that are not asked now: all of it (host), limited logins, failing repositories',
    labelNames: ['upstream', 'scope'],
    registers,
    collect() {
      for (const { upstream, ...open } of state().circuits)
        for (const [scope, count] of Object.entries(open)) this.set({ upstream, scope }, count);
    },
  });
  new Gauge({
    name: 'berth_mirror_size_bytes',
    help: 'bytes of mirrored content',
    registers,
    collect() {
      this.set(state().sizeBytes);
    },
  });
  new Gauge({
    name: 'berth_mirror_rate_limit_remaining',
    help: 'pulls that the upstream still allows, as it says',
    labelNames: ['upstream'],
    registers,
    collect() {
      this.reset();
      for (const { upstream, remaining } of state().limits) this.set({ upstream }, remaining);
    },
  });
  new Gauge({
    name: 'berth_mirror_connections',
    help: 'downloads that have a connection to their upstream (in_use), or wait for one (waiting)',
    labelNames: ['upstream', 'state'],
    registers,
    collect() {
      for (const { upstream, inUse, waiting } of state().connections) {
        this.set({ upstream, state: 'in_use' }, inUse);
        this.set({ upstream, state: 'waiting' }, waiting);
      }
    },
  });
  new Gauge({
    name: 'berth_mirror_refused_logins',
    help: 'logins that the upstream refused when they were last used',
    labelNames: ['upstream'],
    registers,
    collect() {
      this.reset();
      for (const { upstream, count } of state().refusedLogins) this.set({ upstream }, count);
    },
  });
}
