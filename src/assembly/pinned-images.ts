import { createHash } from 'node:crypto';
import { ConfigError } from '../../config/config-error.ts';
import { whereSet } from '../../config/load.ts';
import type { Config } from '../../config/schema.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import { parseImageName } from '../mirror/images/image-name.ts';
import type { MirrorMetrics } from '../observability/mirror-metrics.ts';
import type { Mirror } from '../mirror/mirror.ts';
import { readPlatforms } from '../mirror/images/platforms.ts';
import { type PinnedImage, createRefresh } from '../mirror/images/refresh.ts';
import type { Log } from '../observability/log.ts';
import type { Leases } from '../coordination/leases.ts';
import type { Registry } from '../registry/registry.ts';
import { interval, notBefore } from '../coordination/interval.ts';

export interface PinnedImagesParts {
  readonly mirror: Mirror;
  readonly registry: Pick<Registry, 'manifests'>;
  readonly metadata: MetadataStore;
  readonly leases: Leases;
  readonly now: () => number;
  readonly log: Log;
  readonly metrics: MirrorMetrics;
}

/** Of the time between two turns. */
const retryPart = 0.05;
/** Pause between two looks at whether a turn is due; another process may have run the last one. */
const lookSeconds = 60;

/**
 * Starts the job of `mirror.refresh`, which one of all processes runs. Call `close` before the mirror's, and await it after
 * that.
 */
export function openPinnedImages(config: Config, parts: PinnedImagesParts): { stop(): void; close(): Promise<void> } {
  const { mirror, registry, metadata, leases, now, log, metrics } = parts;
  const { refresh: settings, maxSize } = config.mirror;
  const images = readPinnedImages(config);
  const refresh = createRefresh({
    mirror,
    metadata,
    manifestBytes: registry.manifests.bytes,
    images,
    retrySeconds: settings.every * retryPart,
    platforms: readPlatforms(settings.platforms),
    maxBytes: maxSize,
    now,
    metrics,
    log,
  });
  const seconds = images.length === 0 ? settings.every : Math.min(settings.every, lookSeconds);
  const job = interval(seconds, notBefore(leases, nameOf(settings), settings.every, refresh.run), log);
  return { stop: () => job.stop(), close: () => refresh.close() };
}

/** Reads `mirror.refresh.images`. Throws `ConfigError` for an invalid name or an image of no upstream. */
export function readPinnedImages(config: Config): readonly PinnedImage[] {
  const { refresh, upstreams } = config.mirror;
  const where = whereSet(config, ['mirror', 'refresh', 'images']);
  const errors: string[] = [];
  const images = refresh.images.flatMap((text) => {
    const name = parseImageName(text);
    if (!name) errors.push(`mirror.refresh.images: ${text} is not the name of an image, such as ghcr.io/owner/image:tag${where}`);
    else if (!(name.host in upstreams))
      errors.push(`mirror.refresh.images: ${text}: ${name.host} is not one of mirror.upstreams${where}`);
    return name ? { text, name } : [];
  });
  if (errors.length > 0) throw new ConfigError(errors);
  return images;
}

/** Returns the job's name, different for each list: new images are fetched at once. */
function nameOf({ images, platforms }: Config['mirror']['refresh']): string {
  const list = createHash('sha256').update(JSON.stringify([images, platforms]));
  return `refresh-images-${list.digest('hex').slice(0, 16)}`;
}
