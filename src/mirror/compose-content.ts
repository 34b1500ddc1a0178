import { createExistenceCache } from '../content/existence-cache.ts';
import type { Digest } from '../oci/digest.ts';
import type { Cache } from './compose-cache.ts';
import type { Network } from './compose-network.ts';
import { type MirroredBlobs, createMirroredBlobs } from './content/blobs.ts';
import { noManifestLock } from './content/manifest-lock.ts';
import { createManifestStore } from './content/manifest-store.ts';
import { type MirroredManifests, createMirroredManifests } from './content/manifests.ts';
import { createPrefetch } from './content/prefetch.ts';
import { createFillSpace } from './fills/fill-space.ts';
import { type UpstreamFills, createUpstreamFills } from './fills/upstream-fills.ts';
import type { MirrorEvents } from './events/mirror-events.ts';
import type { MirrorOptions } from './mirror-options.ts';
import type { Mirror, Pressure } from './mirror.ts';
import { type NegativeCache, createNegativeCache } from './remote/negative-cache.ts';
import { createRemoteManifests } from './remote/remote-manifests.ts';
import { hasLogins } from '../upstream/upstream.ts';

/** Manifests and blobs of upstreams, with the downloads that bring them. Lookups reject with `UpstreamError`. */
export interface Content extends Pick<Mirror, 'pressure' | 'lost'> {
  readonly manifests: MirroredManifests;
  /** A blob that is recorded and has no bytes is fetched again. */
  readonly blobs: MirroredBlobs;
  readonly fills: UpstreamFills;
  /** Forgets what upstreams did not have. */
  forgetAbsences(): void;
}

/** How much longer tags are fresh while an upstream allows few more pulls. */
const scarceFactor = 10;

interface Parts {
  readonly options: MirrorOptions;
  readonly events: MirrorEvents;
  readonly network: Network;
  readonly cache: Cache;
}

/** Rejects with errors of the file system, where the folder of downloads cannot be made. */
export async function composeContent(parts: Parts): Promise<Content> {
  const { driver, metadata, now } = parts.options;
  const negativeCache = createNegativeCache(now);
  const fills = await createFills(parts);
  const blobs = createBlobs(parts, fills, negativeCache);
  const existence = createExistenceCache({ driver, now });

  const pressure: Mirror['pressure'] = (source): Pressure => {
    if (parts.network.isScarce(source)) return 'scarce';
    return fills.count >= source.upstream.connections / 2 ? 'busy' : 'none';
  };

  /** berth does not see when a client that it redirects finds nothing; where berth opens the bytes itself, that shows it. */
  async function isThere(digest: Digest, sizeBytes: number): Promise<boolean> {
    return !driver.capabilities.presignedReads || existence.has(digest, sizeBytes);
  }

  async function lost(digest: Digest): Promise<void> {
    existence.forget(digest);
    await metadata.mirrorSpace.evict(digest, now(), true);
  }

  return {
    manifests: createManifests(parts, blobs, negativeCache, pressure),
    fills,
    pressure,
    lost,
    forgetAbsences: negativeCache.clear,
    blobs: {
      async get(source, digest, bodyWanted) {
        const found = await blobs.get(source, digest, bodyWanted);
        if (found.open || !bodyWanted || (await isThere(digest, found.sizeBytes))) return found;
        await lost(digest);
        return blobs.get(source, digest, bodyWanted);
      },
    },
  };
}

function createFills({ options, events, network, cache }: Parts): Promise<UpstreamFills> {
  const { driver, metadata, finish } = options;
  return createUpstreamFills({
    upstreams: () => network.upstreams.all.map(({ name }) => name),
    driver,
    directory: options.directory,
    replicaLock: options.replicaLock,
    space: createFillSpace(options.downloadSpaceBytes),
    keep: cache.keepBlob,
    isWorthFinishing: (keptBytes, sizeBytes) => keptBytes >= sizeBytes * finish.part || sizeBytes <= finish.sizeBytes,
    findStored: metadata.blobs.find,
    idleSeconds: options.timeouts.idleSeconds,
    events,
  });
}

function createBlobs({ options, events, network }: Parts, fills: UpstreamFills, negativeCache: NegativeCache): MirroredBlobs {
  const { metadata, now, negativeSeconds } = options;
  return createMirroredBlobs({
    metadata,
    fills,
    negativeCache,
    clientOf: network.clientOf,
    now,
    negativeSeconds,
    keepsSecrets: () => network.upstreams.all.some(hasLogins),
    events,
    spend: network.spend,
  });
}

function createManifests(
  { options, events, network, cache }: Parts,
  blobs: MirroredBlobs,
  negativeCache: NegativeCache,
  pressure: Mirror['pressure'],
): MirroredManifests {
  const { driver, metadata, now, tagFreshness } = options;
  const isBusy: Parameters<typeof createPrefetch>[0]['isBusy'] = (source) => pressure(source) !== 'none';
  const prefetch = createPrefetch({ blobs, largestBytes: options.prefetchBytes, isBusy });
  const { admitManifest: reserve } = cache.eviction;
  return createMirroredManifests({
    metadata,
    remote: createRemoteManifests(network.clientOf, options.maxManifestBytes, network.countReceived),
    driver,
    manifestStore: createManifestStore({ driver, metadata, now, reserve, arriving: cache.reservations.arriving, events }),
    negativeCache,
    now,
    lock: options.manifestLock ?? noManifestLock,
    freshnessSeconds: (source, tag) => tagFreshness(source.repository, tag) * (network.isScarce(source) ? scarceFactor : 1),
    staleWhileRevalidateSeconds: options.staleWhileRevalidateSeconds,
    negativeSeconds: options.negativeSeconds,
    retrySeconds: options.retrySeconds,
    waits: network.waits,
    onFetched: prefetch.after,
  });
}
