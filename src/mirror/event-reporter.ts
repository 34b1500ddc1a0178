import type { FailedDownload, MirrorEvents } from './events/mirror-events.ts';
import { WrongDigest } from './fills/partial-blob.ts';
import type { MirrorMetrics } from '../observability/mirror-metrics.ts';
import { type Tracer, traced } from '../telemetry/tracer.ts';
import { reasonOf } from '../upstream/upstream-error.ts';

export interface EventReporterOptions {
  readonly metrics: MirrorMetrics;
  readonly log: { warn(fields: object, message: string): void };
  readonly tracer?: Tracer | undefined;
  /** Called when a download has ended without the blob. */
  readonly fillFailed?: ((failure: FillFailure) => void) | undefined;
}

export interface FillFailure extends FailedDownload {
  readonly digest: string;
  readonly reason: string;
}

/** Counts and logs the events, and traces downloads. */
export function createEventReporter({ metrics, log, tracer, fillFailed }: EventReporterOptions): MirrorEvents {
  const warnOf = (message: string) => (error: unknown) => log.warn({ err: error }, message);
  return {
    served: (upstream, kind, cache) => metrics.served(upstream, kind, cache),
    received: (upstream, bytes) => metrics.received(upstream, bytes),
    resumed: (upstream) => metrics.resumed(upstream),
    async watchDownload(upstream, digest, run) {
      const startedAt = performance.now();
      const attributes = { 'berth.upstream': upstream, 'berth.digest': digest };
      const outcome = await traced(tracer, { name: 'fill', kind: 'internal', attributes }, async (span) => {
        const result = await run();
        span?.set({ 'berth.outcome': result });
        return result;
      });
      metrics.downloaded(upstream, outcome, (performance.now() - startedAt) / 1000);
    },
    downloadFailed(digest, error, place) {
      if (error instanceof WrongDigest) metrics.mismatched();
      const reason = reasonOf(error);
      log.warn({ digest, reason }, 'a blob could not be fetched');
      fillFailed?.({ ...place, digest, reason });
    },
    downloadAbandoned: () => metrics.abandoned(),
    notKept: () => metrics.notKept(),
    evicted: (sizeBytes) => metrics.evicted(sizeBytes),
    evictionFailed: warnOf('mirrored content could not be evicted'),
    waited: (upstream, seconds) => metrics.waited(upstream, seconds),
    waitedLong: (waits) =>
      log.warn(waits, 'downloads have waited for a connection: mirror.upstreams.HOST.connections allows more of them'),
    loginRefused: (upstream, login) =>
      log.warn({ upstream, login }, 'the upstream refuses this login: renew it; cached content is served meanwhile'),
    manifestNotStored: warnOf('a manifest could not be stored'),
    listingNotStored: warnOf('a listing could not be stored'),
    visibilityNotRecorded: warnOf('cannot record whether a repository is public'),
    lastUsesNotRecorded: warnOf('cannot record when content was last used'),
  };
}
