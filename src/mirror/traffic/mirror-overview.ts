import { randomUUID } from 'node:crypto';
import type { CachedContent } from '../../../storage/metadata/queries/mirror/cached.ts';
import type { HourOfUpstream, Traffic } from '../../../storage/metadata/queries/mirror/traffic.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import type { MirrorState } from '../../observability/mirror-metrics.ts';
import type { Digest } from '../../oci/digest.ts';
import { OciError } from '../../oci/errors.ts';
import type { FillProgress } from '../fills/fill-progress.ts';
import { addTraffic, hourMs } from './traffic.ts';

/** Shows the mirror to admins, over all processes. */
export interface MirrorOverview {
  /** Sums and state of each upstream over the last `days`. */
  summary(days: number): Promise<MirrorSummary>;
  /** Sums of each upstream by period: hours for a day, six hours for a week, days for longer. */
  series(days: number): Promise<TrafficSeries>;
  /** Downloads in progress. Those of other processes are as old as ten seconds. */
  fills(): Promise<readonly LiveFill[]>;
  /** Lists at most 50 mirrored contents. */
  content(by: 'size' | 'use'): Promise<readonly CachedContent[]>;
  /** Keeps content and what it references from being evicted. Throws MANIFEST_UNKNOWN for what is no mirrored content. */
  pin(digest: Digest): Promise<void>;
  unpin(digest: Digest): Promise<void>;
  /** Deletes content from the cache. Throws DENIED (409) if it is pinned or in use. */
  evict(digest: Digest): Promise<void>;
  /** Reports what this process does, for the others. To be called every ten seconds. */
  report(): Promise<void>;
  /** Ends the reports of this process. */
  close(): Promise<void>;
}

export interface MirrorSummary {
  readonly sizeBytes: number;
  readonly maxBytes: number;
  readonly pinnedBytes: number;
  readonly upstreams: readonly UpstreamSummary[];
}

export interface UpstreamSummary extends Traffic {
  readonly upstream: string;
  /** Circuits that are open in any process: of the whole upstream, of single logins, of single repositories. */
  readonly circuits: { readonly host: number; readonly logins: number; readonly repositories: number };
  /** Undefined if the upstream reports none. */
  readonly limit: { readonly limit: number; readonly remaining: number } | undefined;
  /** Logins that it refuses. */
  readonly refusedLogins: number;
}

export interface TrafficSeries {
  readonly from: number;
  readonly periodMs: number;
  readonly periods: readonly HourOfUpstream[];
}

export interface LiveFill extends FillProgress {
  readonly upstream: string;
}

export interface MirrorOverviewOptions {
  readonly metadata: Pick<MetadataStore, 'mirrorTraffic' | 'mirrorPins' | 'mirrorSpace' | 'cachedContent'>;
  /** Returns the names of the upstreams. */
  readonly upstreams: () => readonly string[];
  readonly maxBytes: number;
  readonly mirror: {
    state(): MirrorState;
    fills(): readonly LiveFill[];
    /** False if the content is in use. */
    evict(digest: Digest): Promise<boolean>;
  };
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

const maxContents = 50;
const maxFills = 50;
/** A report that is older is of a process that is gone. */
const reportMs = 30_000;
/** A process without changes repeats its report. */
const renewMs = 10_000;

type Report = Pick<MirrorState, 'limits' | 'circuits' | 'refusedLogins'> & { readonly fills: readonly LiveFill[] };

const nothing: Traffic = { requests: 0, hits: 0, failures: 0, servedBytes: 0, fetchedBytes: 0, savedBytes: 0 };

export function createMirrorOverview({ metadata, upstreams, maxBytes, mirror, now }: MirrorOverviewOptions): MirrorOverview {
  const { mirrorTraffic, mirrorPins, mirrorSpace, cachedContent } = metadata;
  const process = randomUUID();
  let hasReported = false;
  let reportedAt = 0;

  function ownReport(): Report {
    const { limits, circuits, refusedLogins } = mirror.state();
    const open = circuits.filter(({ host, logins, repositories }) => host + logins + repositories > 0);
    return { limits, circuits: open, refusedLogins, fills: mirror.fills().slice(0, maxFills) };
  }

  async function reports(): Promise<readonly Report[]> {
    const others = await mirrorTraffic.listReports(process, now() - reportMs);
    return [ownReport(), ...others.map(({ state }) => JSON.parse(state) as Report)];
  }

  async function series(days: number): Promise<TrafficSeries> {
    const hours = days <= 2 ? 1 : days <= 14 ? 6 : 24;
    const periodMs = hours * hourMs;
    const from = now() - (now() % periodMs) - days * 24 * hourMs + periodMs;
    return { from, periodMs, periods: await mirrorTraffic.listSince(from, hours) };
  }

  return {
    series,

    async summary(days) {
      const [{ periods }, all] = [await series(days), await reports()];
      const { contentBytes, transitBytes } = await mirrorSpace.size();
      return {
        sizeBytes: contentBytes + transitBytes,
        maxBytes,
        pinnedBytes: await mirrorPins.totalBytes(),
        upstreams: upstreams().map((upstream) => ({
          upstream,
          ...periods.filter((period) => period.upstream === upstream).reduce<Traffic>(addTraffic, nothing),
          ...stateOf(upstream, all),
        })),
      };
    },

    fills: async () => (await reports()).flatMap(({ fills }) => fills),
    content: (by) => cachedContent.list(by, maxContents),

    async pin(digest) {
      if ((await cachedContent.pin(digest, now())) === 0) throw new OciError('MANIFEST_UNKNOWN', { detail: { digest } });
    },
    unpin: (digest) => cachedContent.unpin(digest),
    async evict(digest) {
      if (await cachedContent.isPinned(digest)) throw refusal('the content is pinned');
      if (!(await mirror.evict(digest))) throw refusal('a client reads the content now: try again later');
    },

    async report() {
      const own = ownReport();
      const isIdle = own.fills.length + own.limits.length + own.circuits.length + own.refusedLogins.length === 0;
      if (isIdle && !hasReported) return;
      if (!isIdle && now() - reportedAt < renewMs / 2) return;
      await mirrorTraffic.report(process, isIdle ? null : JSON.stringify(own), now());
      hasReported = !isIdle;
      reportedAt = now();
    },
    async close() {
      if (hasReported) await mirrorTraffic.report(process, null, now());
    },
  };
}

function stateOf(upstream: string, reports: readonly Report[]): Omit<UpstreamSummary, 'upstream' | keyof Traffic> {
  const circuits = reports.flatMap((report) => report.circuits.filter((one) => one.upstream === upstream));
  const limits = reports.flatMap((report) => report.limits.filter((one) => one.upstream === upstream));
  const refused = reports.flatMap((report) => report.refusedLogins.filter((one) => one.upstream === upstream));
  const most = (name: 'host' | 'logins' | 'repositories') => Math.max(0, ...circuits.map((one) => one[name]));
  const [scarcest] = limits.toSorted((one, other) => one.remaining - other.remaining);
  return {
    circuits: { host: most('host'), logins: most('logins'), repositories: most('repositories') },
    limit: scarcest && { limit: scarcest.limit, remaining: scarcest.remaining },
    refusedLogins: Math.max(0, ...refused.map(({ count }) => count)),
  };
}

function refusal(message: string): OciError {
  return new OciError('DENIED', { status: 409, message });
}
