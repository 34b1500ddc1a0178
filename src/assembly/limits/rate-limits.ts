import type { Config } from '../../../config/schema.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { createClientBandwidths } from '../../limits/client-bandwidths.ts';
import { createRateLimiter } from '../../limits/rate-limiter.ts';
import { createPublicUrl } from '../../http/server/public-url.ts';
import { type RateLimits, createRateLimits } from '../../http/server/rate-limits.ts';
import { createRequestLimits } from '../../limits/request-limits.ts';
import type { Log } from '../../observability/log.ts';
import type { Reloadable } from '../reload/reloader.ts';
import type { Metrics } from '../../observability/metrics.ts';

export interface LimitParts {
  readonly metadata: MetadataStore;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly log: Log;
  readonly metrics: Pick<Metrics, 'limits'>;
}

/** Pause between two log lines about limits that cannot be counted. */
const complaintMilliseconds = 60_000;

/** The limits of clients, and how they take new settings. */
export interface Limits {
  readonly clients: RateLimits;
  readonly reloadable: Reloadable;
}

/** Creates the limits of the configuration. */
export function openLimits(config: Config, parts: LimitParts): Limits {
  const { metadata, now, log, metrics } = parts;
  let complainedAt = -Infinity;
  const limiter = createRateLimiter({
    metadata,
    now,
    onFailure(error) {
      if (now() - complainedAt < complaintMilliseconds) return;
      complainedAt = now();
      log.error(
        { err: error },
        'requests cannot be counted: rate limits are not enforced until the metadata store can be written',
      );
    },
  });
  const limits = createRequestLimits({ limiter, rates: config.limits, onRefused: metrics.limits.refused });
  const bandwidths = createClientBandwidths(config.limits.bandwidth);
  return {
    clients: createRateLimits({
      limits,
      bandwidths,
      publicUrl: createPublicUrl(config),
      hasLogins: config.access.mode === 'token',
    }),
    reloadable: {
      keys: ['limits'],
      prepare: (next) => () => {
        limits.configure(next.limits);
        bandwidths.configure(next.limits.bandwidth);
      },
    },
  };
}
