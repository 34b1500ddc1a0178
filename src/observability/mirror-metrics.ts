import { Gauge, Histogram, type Registry } from './prometheus/client.ts';
import { counterOf, durationBuckets } from './prometheus/registration.ts';

/** The state of the mirror at the time of a scrape. */
export interface MirrorState {
  /** Downloads of this process. */
  readonly fills: number;
  /** Bytes that those downloads have received and that are not stored yet. */
  readonly fillBytes: number;
  /** Bytes of mirrored content. */
  readonly sizeBytes: number;
  /** The login with the smallest part of its limit left, of each upstream that has limits. */
  readonly limits: readonly { readonly upstream: string; readonly limit: number; readonly remaining: number }[];
  /** Number of logins that each upstream refuses now. */
  readonly refusedLogins: readonly { readonly upstream: string; readonly count: number }[];
  /** Connections for downloads, and downloads that wait for a connection. */
  readonly connections: readonly { readonly upstream: string; readonly inUse: number; readonly waiting: number }[];
  /** Number of open circuit breakers: of the whole upstream (0 or 1), of single logins, of single repositories. */
  readonly circuits: readonly {
    readonly upstream: string;
    readonly host: number;
    readonly logins: number;
    readonly repositories: number;
  }[];
}

/** Records events of the mirror. */
export interface MirrorMetrics {
  /** The mirror answered a client; `cache`: where the content came from. */
  served(upstream: string, kind: 'manifest' | 'blob', cache: string): void;
  /** Bytes of a blob arrived. */
  received(upstream: string, bytes: number): void;
  /** A download waited for a connection. */
  waited(upstream: string, seconds: number): void;
  /** A download ended: `done`, `failed` or `abandoned`. */
  downloaded(upstream: string, outcome: string, seconds: number): void;
  /** A download went on after it had broken off. */
  resumed(upstream: string): void;
  /** Received bytes had another digest. */
  mismatched(): void;
  /** Content was evicted. */
  evicted(bytes: number): void;
  /** A blob was served and not kept. */
  notKept(): void;
  /** An image of `mirror.refresh` was refreshed, put off, or failed. */
  refreshed(result: 'done' | 'put off' | 'failed'): void;
  /** A download was ended because its last client had gone. */
  abandoned(): void;
}

/** Upper bounds of the buckets of downloads, in seconds. */
const fillBuckets = [0.1, 0.5, 2, 10, 60, 300, 1800];

export function createMirrorMetrics(registry: Registry): MirrorMetrics {
  const counter = counterOf(registry);
  const served = counter('mirror_served_total', 'mirrored manifests and blobs given to clients', ['upstream', 'kind', 'cache']);
  const received = counter('mirror_received_bytes_total', 'bytes of blobs that upstreams sent', ['upstream']);
  const waits = new Histogram({
    name: 'berth_mirror_connection_wait_seconds',
    help: 'how long downloads waited for a connection to their upstream',
    labelNames: ['upstream'],
    buckets: durationBuckets,
    registers: [registry],
  });
  const downloads = new Histogram({
    name: 'berth_mirror_fill_seconds',
    help: 'durations of downloads of blobs that have ended: done, failed, abandoned',
    labelNames: ['upstream', 'outcome'],
    buckets: fillBuckets,
    registers: [registry],
  });
  const resumed = counter('mirror_resumed_total', 'downloads resumed after a break', ['upstream']);
  const mismatched = counter('mirror_digest_mismatches_total', 'downloads whose bytes do not have their digest');
  const evicted = counter('mirror_evicted_total', 'mirrored content evicted');
  const notKept = counter(
    'mirror_not_kept_total',
    'blobs served and not kept: huge ones requested once, others without space for them',
  );
  const refreshed = counter('mirror_refreshed_total', 'refreshes of listed images: done, put off, failed', ['result']);
  const abandoned = counter('mirror_abandoned_total', 'downloads ended because their clients had left');
  const evictedBytes = counter('mirror_evicted_bytes_total', 'bytes of mirrored content evicted');
  return {
    served: (upstream, kind, cache) => served.inc({ upstream, kind, cache }),
    received: (upstream, bytes) => received.inc({ upstream }, bytes),
    waited: (upstream, seconds) => waits.observe({ upstream }, seconds),
    downloaded: (upstream, outcome, seconds) => downloads.observe({ upstream, outcome }, seconds),
    resumed: (upstream) => resumed.inc({ upstream }),
    mismatched: () => mismatched.inc(),
    evicted(bytes) {
      evicted.inc();
      evictedBytes.inc(bytes);
    },
    notKept: () => notKept.inc(),
    refreshed: (result) => refreshed.inc({ result }),
    abandoned: () => abandoned.inc(),
  };
}

/** Registers gauges that call `state` at each scrape. */
export function watchMirror(registry: Registry, state: () => MirrorState): void {
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
    help: '0 while no requests are sent to the upstream, because it could not be reached or did not answer',
    labelNames: ['upstream'],
    registers,
    collect() {
      for (const { upstream, host } of state().circuits) this.set({ upstream }, host > 0 ? 0 : 1);
    },
  });
  new Gauge({
    name: 'berth_mirror_open_circuits',
    help: 'parts of the upstream that get no requests now: all of it (host), limited logins, failing repositories',
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
    help: 'remaining pulls that the upstream reports',
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
