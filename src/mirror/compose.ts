import { setTimeout as delay } from 'node:timers/promises';
import type { BlobDriver } from '../../storage/blobs/driver.ts';
import type { Mirrored } from '../../storage/metadata/queries/mirror-writes.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import type { Digest } from '../oci/digest.ts';
import { createTrash, storeThenRecord } from '../content/trash.ts';
import { createNegativeCache } from './remote/negative-cache.ts';
import { createAnonymousView } from './visibility/anonymous-view.ts';
import { createBandwidths } from './upstream/bandwidth.ts';
import { createMirroredBlobs } from './content/blobs.ts';
import { toClientError } from './client-error.ts';
import { createClients } from './upstream/clients.ts';
import { createConnectionWaits } from './upstream/connection-waits.ts';
import { createLoginStates } from './upstream/login-states.ts';
import { createEviction } from './cache/eviction.ts';
import { WrongDigest } from './fills/partial-blob.ts';
import type { DownloadLock } from './fills/download-lock.ts';
import { createFillSpace } from './fills/fill-space.ts';
import { createUpstreamFills } from './fills/upstream-fills.ts';
import type { MeasureDisk } from './cache/disk-limit.ts';
import { createExistenceCache } from './cache/existence-cache.ts';
import { createPassThrough } from './visibility/pass-through.ts';
import { createPrefetch } from './content/prefetch.ts';
import { createManifestStore } from './content/manifest-store.ts';
import type { MirrorMetrics } from './mirror-metrics.ts';
import { type ManifestTurns, noTurns } from './content/manifest-lock.ts';
import { createMirroredManifests } from './content/manifests.ts';
import { createRateLimits } from './upstream/rate-limit.ts';
import { createRemoteListings } from './remote/remote-listings.ts';
import { createRemoteManifests } from './remote/remote-manifests.ts';
import { createRemoteSearch } from './remote/remote-search.ts';
import { type MirroredRepository, createRouting } from './names/routing.ts';
import type { BlobLookup } from './remote/lookup-result.ts';
import type { ProxySettings, Timeouts } from './upstream/transport.ts';
import { createSpaceReservations } from './cache/space-reservations.ts';
import { type Upstream, createUpstreams, hasLogins, loginKeyOf } from './upstream/upstream.ts';
import { reasonOf } from './upstream/upstream-error.ts';
import { createUpstreamVisibility } from './visibility/upstream-visibility.ts';
import { createStoredListings } from './remote/stored-listings.ts';
import { createUpstreamWaits } from './remote/upstream-waits.ts';
import { createLastUsedTracker } from './cache/last-used.ts';
import type { Mirror, Pressure } from './mirror.ts';

export interface MirrorOptions {
  readonly driver: BlobDriver;
  readonly metadata: MetadataStore;
  readonly now: () => number;
  readonly upstreams: readonly Upstream[];
  /** Name of the upstream for names without a host. */
  readonly fallback: string | undefined;
  /** How long listings of an upstream are served without asking it. */
  readonly freshnessSeconds: number;
  /** The same for a tag of a repository. */
  readonly tagFreshness: (repository: string, tag: string) => number;
  readonly staleWhileRevalidateSeconds: number;
  readonly negativeSeconds: number;
  readonly retrySeconds: number;
  /** Where several processes share the stores. */
  readonly manifestTurns: ManifestTurns | undefined;
  /** How long an upstream's answer is believed that everybody may read a repository. */
  readonly publicCheckSeconds: number;
  readonly timeouts: Timeouts;
  readonly proxy: ProxySettings;
  /** For downloads in progress. */
  readonly directory: string;
  readonly downloadLock: DownloadLock | undefined;
  /** Bytes that the downloads in progress of this process may reserve on disk. Further blobs are passed on and not kept. */
  readonly downloadSpaceBytes: number;
  readonly maxManifestBytes: number;
  /** Layers up to this size are fetched when their manifest is; 0: none. */
  readonly prefetchBytes: number;
  /** A download that nobody reads any more goes on when this part of it (0 … 1) has come, or the blob is not larger. */
  readonly finish: { readonly part: number; readonly sizeBytes: number };
  /** Of mirrored content. */
  readonly maxBytes: number;
  /** How many bytes of the blob store's disk the mirror leaves free. */
  readonly keepFreeBytes: number;
  readonly disk: MeasureDisk;
  readonly metrics: MirrorMetrics;
  readonly log: { warn(fields: object, message: string): void };
}

/** How much longer tags are believed when an upstream gives little more. */
const scarceFactor = 10;
/** What a broken fill left is worth nothing after this. */
const partialSeconds = 24 * 3600;
/** Nor may all of that have more than this part of the size. */
const partialShare = 0.1;
/** A second request for a huge blob counts as one within this time. */
const refusalSeconds = 7 * 24 * 3600;

export async function createMirror(options: MirrorOptions): Promise<Mirror> {
  const { driver, metadata, now, log, metrics, freshnessSeconds, timeouts } = options;
  const upstreams = createUpstreams(options.upstreams);
  const limits = createRateLimits(now);
  const logins = createLoginStates({
    onRefused: (upstream, login) =>
      log.warn({ upstream, login }, 'the upstream refuses this login: renew it; what is here already is served meanwhile'),
  });
  const waits = createConnectionWaits({
    now,
    onWaited: metrics.waited,
    onSlow: (slow) =>
      log.warn(slow, 'downloads have waited for a connection: mirror.upstreams.HOST.connections allows more of them'),
  });
  const clients = createClients({ ...options, limits, onLogin: logins.note, waits });
  const clientOf = ({ upstream }: MirroredRepository) => clients.get(upstream);
  const bandwidthOf = createBandwidths(options.upstreams);
  /** Manifests and listings do not wait for blobs. */
  const countReceived = ({ upstream }: MirroredRepository, bytes: number) => bandwidthOf(upstream).count(bytes);
  const negativeCache = createNegativeCache(now);
  const lastUsed = createLastUsedTracker(metadata, now, (error) => log.warn({ err: error }, 'cannot record what was used'));
  const trash = createTrash({ driver, metadata, now, onLeft: (digests) => metadata.endTransits(digests, true) });
  const reservations = createSpaceReservations({ driver, metadata, trash, now });
  const eviction = createEviction({
    metadata,
    trash,
    maxBytes: options.maxBytes,
    keepFreeBytes: options.keepFreeBytes,
    disk: options.disk,
    now,
    flushUses: lastUsed.flush,
    isInUse: lastUsed.isPinned,
    onEvicted: (sizeBytes) => metrics.evicted(sizeBytes),
    onFailure: (error) => log.warn({ err: error }, 'mirrored content could not be evicted'),
  });
  /** True if the blob was stored meanwhile, by a download from another upstream: then all holders serve that one. */
  async function linkHeld(repositoryRefs: readonly Mirrored[], digest: Digest): Promise<boolean> {
    if (!(await metadata.findContent(digest))) return false;
    for (const repositoryRef of repositoryRefs) if (!(await metadata.linkHeldBlob(repositoryRef, digest, now()))) return false;
    return true;
  }

  const fills = await createUpstreamFills({
    upstreams: upstreams.all.map(({ name }) => name),
    driver,
    directory: options.directory,
    downloadLock: options.downloadLock,
    space: createFillSpace(options.downloadSpaceBytes),
    async keep({ repositoryRefs, ...arrival }, store) {
      const { digest, sizeBytes } = arrival;
      if (await linkHeld(repositoryRefs, digest)) return true;
      if (!(await eviction.admit(arrival))) {
        metrics.notKept();
        return false;
      }
      const record = () => metadata.recordMirroredBlob(repositoryRefs, digest, sizeBytes, now());
      await reservations.arriving(digest, () => storeThenRecord({ driver, metadata }, { digest, store, record }));
      eviction.grown();
      return true;
    },
    isWorthFinishing: (keptBytes, sizeBytes) =>
      keptBytes >= sizeBytes * options.finish.part || sizeBytes <= options.finish.sizeBytes,
    onAbandoned: () => metrics.abandoned(),
    isStored: async (digest) => (await metadata.findContent(digest)) !== undefined,
    idleSeconds: timeouts.idleSeconds,
    onFailure(digest, error) {
      if (error instanceof WrongDigest) metrics.mismatched();
      log.warn({ digest, reason: reasonOf(error) }, 'a blob could not be fetched');
    },
  });
  const blobs = createMirroredBlobs({
    metadata,
    fills,
    negativeCache,
    clientOf,
    now,
    negativeSeconds: options.negativeSeconds,
    keepsSecrets: upstreams.all.some(hasLogins),
    onResume: ({ upstream }) => metrics.resumed(upstream.name),
    onReceived({ upstream }, bytes, signal) {
      metrics.received(upstream.name, bytes);
      return bandwidthOf(upstream).spend(bytes, signal);
    },
  });
  function isScarce({ upstream, remoteName }: MirroredRepository): boolean {
    return limits.isScarce(upstream.name, loginKeyOf(upstream, remoteName));
  }

  function pressure(source: MirroredRepository): Pressure {
    if (isScarce(source)) return 'scarce';
    return fills.count >= source.upstream.connections / 2 ? 'busy' : 'none';
  }

  const prefetch = createPrefetch({
    blobs,
    largestBytes: options.prefetchBytes,
    isBusy: (source) => pressure(source) !== 'none',
  });
  const upstreamWaits = createUpstreamWaits({ pause: (signal) => delay(timeouts.connectSeconds * 1000, undefined, { signal }) });
  const manifests = createMirroredManifests({
    metadata,
    remote: createRemoteManifests(clientOf, options.maxManifestBytes, countReceived),
    kept: createManifestStore({
      driver,
      metadata,
      now,
      reserve: eviction.admitManifest,
      arriving: reservations.arriving,
      onFailure: (error) => log.warn({ err: error }, 'a manifest could not be kept'),
    }),
    negativeCache,
    now,
    downloadLock: options.manifestTurns ?? noTurns,
    freshnessSeconds: (source, tag) => options.tagFreshness(source.repository, tag) * (isScarce(source) ? scarceFactor : 1),
    staleWhileRevalidateSeconds: options.staleWhileRevalidateSeconds,
    negativeSeconds: options.negativeSeconds,
    retrySeconds: options.retrySeconds,
    waits: upstreamWaits,
    onFetched: prefetch.after,
  });
  const existence = createExistenceCache(driver, now);

  async function lost(digest: Digest): Promise<void> {
    await metadata.evictContent(digest, now(), true);
  }

  /** What is here, but for its bytes, is fetched again. */
  async function present(source: MirroredRepository, digest: Digest, bodyWanted: boolean): Promise<BlobLookup> {
    const served = await blobs.get(source, digest, bodyWanted);
    if (served.open || !bodyWanted || (await existence.isThere(digest))) return served;
    await lost(digest);
    return blobs.get(source, digest, bodyWanted);
  }

  const search = createRemoteSearch(options);
  const listings = createRemoteListings({
    clientOf,
    now,
    freshnessSeconds,
    onReceived: countReceived,
    stored: createStoredListings(metadata, (error) => log.warn({ err: error }, 'a listing could not be stored')),
    waits: upstreamWaits,
  });

  const visibility = createUpstreamVisibility({
    metadata,
    view: createAnonymousView({
      clientOf: ({ upstream }) => clients.anonymous(upstream),
      largestManifestBytes: options.maxManifestBytes,
      now,
      onReceived: countReceived,
    }),
    now,
    believedSeconds: options.publicCheckSeconds,
    maxWaitSeconds: timeouts.connectSeconds,
    onFailure: (error) => log.warn({ err: error }, 'cannot record whether a repository is public'),
  });

  async function want(digest: Digest): Promise<void> {
    await metadata.refuseBlob(digest, now());
  }

  const locate = createRouting({
    upstreams,
    fallback: options.fallback === undefined ? undefined : upstreams.find(options.fallback),
    isPushed: (name) => metadata.isPushedRepository(name),
  });

  const passThrough = createPassThrough({ metadata, clientOf: ({ upstream }) => clients.anonymous(upstream), now });

  return {
    visibility,
    passThrough,
    locate,
    unattended: {
      locate,
      manifest: (source, ...asked) => readable(source, 'MANIFEST_UNKNOWN', () => manifests.get(source, ...asked)),
      blob: (source, ...asked) => readable(source, 'BLOB_UNKNOWN', () => present(source, ...asked)),
      want,
    },
    pressure,
    isPrefix: (text) => upstreams.find(text) !== undefined || /[.:]/.test(text),
    manifest: (source, reference, bodyWanted) =>
      readable(source, 'MANIFEST_UNKNOWN', async () => {
        const askedAt = now();
        const served = await manifests.get(source, reference, bodyWanted);
        lastUsed.touch(served.digest, askedAt);
        metrics.served(source.upstream.name, 'manifest', served.cache);
        return served;
      }),
    blob: (source, digest, bodyWanted) =>
      readable(source, 'BLOB_UNKNOWN', async () => {
        if (bodyWanted) lastUsed.touch(digest, now());
        const served = await present(source, digest, bodyWanted);
        metrics.served(source.upstream.name, 'blob', served.cache);
        const { open } = served;
        return open ? { ...served, open: (range) => lastUsed.pinWhileOpen(digest, open(range)) } : served;
      }),
    tags: (source, query) => readable(source, 'NAME_UNKNOWN', () => listings.tags(source, query)),
    referrers: (source, subject, query) => readable(source, 'NAME_UNKNOWN', () => listings.referrers(source, subject, query)),
    search,
    state: () => ({
      fills: fills.count,
      fillBytes: fills.bytes,
      sizeBytes: eviction.sizeBytes,
      limits: upstreams.all.flatMap(({ name }) => {
        const limit = limits.scarcest(name);
        return limit ? [{ upstream: name, limit: limit.limit, remaining: limit.remaining }] : [];
      }),
      refusedLogins: logins.refused(),
      connections: clients.connections(),
      circuits: clients.circuits(),
    }),
    want,
    lost,
    inUse: lastUsed.pinWhileOpen,
    emptyTrash: () => trash.empty(),
    makeRoom: eviction.makeRoom,
    recover: reservations.settleAllArrivals,
    async tidy() {
      await lastUsed.flush();
      await reservations.renew();
      await eviction.look();
      await fills.sweep(now() - partialSeconds * 1000, options.maxBytes * partialShare);
    },
    async tidyStores() {
      await eviction.run();
      await reservations.releaseExpired();
      await metadata.forgetRefusals(now() - refusalSeconds * 1000);
    },
    async close() {
      eviction.stop();
      await fills.close();
      await eviction.close();
      await lastUsed.flush();
      clients.close();
      search.close();
    },
  };
}

/** Runs `work`; what went wrong at the upstream is thrown as the client may read it. */
async function readable<Result>(
  source: MirroredRepository,
  unknown: 'MANIFEST_UNKNOWN' | 'BLOB_UNKNOWN' | 'NAME_UNKNOWN',
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw toClientError(error, source, unknown);
  }
}
