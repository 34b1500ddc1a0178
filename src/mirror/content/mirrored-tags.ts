import type { MirroredTagRecord } from '../../../storage/metadata/queries/mirror/tags.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import type { Digest } from '../../oci/digest.ts';
import type { Tag } from '../../oci/reference.ts';
import type { NegativeCache } from '../remote/negative-cache.ts';
import type { ManifestStore } from './manifest-store.ts';
import type { ManifestFetcher } from './manifest-fetcher.ts';
import type { CachedManifest, TagMoves } from './tag-moves.ts';
import type { ManifestFacts, RemoteManifests } from '../remote/remote-manifests.ts';
import type { MirroredRepository } from '../names/routing.ts';
import type { CacheStatus, ManifestLookup } from '../remote/lookup-result.ts';
import { createSingleFlight } from '../../coordination/single-flight.ts';
import { isServedStale } from '../remote/stale-errors.ts';
import { UpstreamError } from '../../upstream/upstream-error.ts';
import type { UpstreamWaits } from '../remote/upstream-waits.ts';
import { createLru } from '../../coordination/lru.ts';
import { isBefore, isRecent } from '../../coordination/recent.ts';

/** Tags of upstreams: served without asking while they are fresh, then checked by one HEAD for all clients. */
export interface MirroredTags {
  /** `bodyWanted`: if false, only headers are requested for a tag that is not cached. Rejects with `UpstreamError`. */
  get(source: MirroredRepository, tag: Tag, bodyWanted: boolean): Promise<ManifestLookup>;
}

export interface MirroredTagsOptions {
  readonly metadata: MetadataStore;
  readonly remote: Pick<RemoteManifests, 'head'>;
  readonly manifestStore: Pick<ManifestStore, 'point'>;
  readonly fetcher: ManifestFetcher;
  readonly moves: TagMoves;
  readonly negativeCache: NegativeCache;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** How long a tag is served without asking the upstream. */
  readonly freshnessSeconds: (source: MirroredRepository, tag: Tag) => number;
  /** How much longer a tag is served at once while it is checked in the background. */
  readonly staleWhileRevalidateSeconds: number;
  /** How long the upstream is not asked again for what it does not have. */
  readonly negativeSeconds: number;
  /** How long a tag is served stale after a failed check before it is checked again. */
  readonly retrySeconds: number;
  /** Bounds how long clients of a cached tag wait for its check. */
  readonly waits: UpstreamWaits;
}

/** The manifest that clients of a tag get while the upstream cannot be asked, whatever the upstream has said since. */
interface CachedTag extends CachedManifest {
  /** When the upstream last said that the tag points at it, in milliseconds since 1970. */
  readonly confirmedAt: number;
}

/** One request for a tag. */
interface TagRequest {
  readonly source: MirroredRepository;
  readonly tag: Tag;
  readonly known: MirroredTagRecord;
  readonly cached: CachedTag | undefined;
  readonly bodyWanted: boolean;
}

/** A tag has moved and its new manifest cannot be fetched: this says nothing about the tag itself. */
class MoveFailed extends UpstreamError {
  constructor(cause: UpstreamError) {
    super(cause.code, cause.message, { cause });
  }
}

const maxRemembered = 10_000;

export function createMirroredTags(options: MirroredTagsOptions): MirroredTags {
  const { metadata, remote, manifestStore, fetcher, moves, negativeCache, waits, now, negativeSeconds, retrySeconds } = options;
  const checks = createSingleFlight<ManifestFacts>();
  /** Of this process: a request may have read the store before the answer to another one was written there. */
  const answers = createLru<{ readonly facts: ManifestFacts; readonly at: number }>(maxRemembered);
  /** When tags whose check has failed are checked again. */
  const retries = createLru<number>(maxRemembered);

  const freshMilliseconds = (source: MirroredRepository, tag: Tag) => options.freshnessSeconds(source, tag) * 1000;

  /** One HEAD at the upstream for all clients that ask before it is answered, or while the answer is fresh. */
  async function check(source: MirroredRepository, tag: Tag): Promise<ManifestFacts> {
    const key = keyOf(source, tag);
    const last = answers.get(key);
    if (last && isRecent(last.at, freshMilliseconds(source, tag), now())) return last.facts;
    return checks.run(key, async () => {
      const facts = await remote.head(source, tag);
      await manifestStore.point(source, tag, facts);
      answers.set(key, { facts, at: now() });
      return facts;
    });
  }

  /** Checks a tag that is not cached, unless the upstream has recently answered 404. */
  async function checkUnlessAbsent(source: MirroredRepository, tag: Tag): Promise<ManifestFacts> {
    const key = keyOf(source, tag);
    negativeCache.check(key);
    return negativeCache.remember(key, negativeSeconds, () => check(source, tag));
  }

  /** Returns the manifest that the tag points at, fetched if it is not cached. */
  async function current(request: TagRequest, facts: ManifestFacts, checkedAt: number, cache: CacheStatus) {
    const { source, cached } = request;
    const { digest, mediaType, sizeBytes } = facts;
    const ageSeconds = secondsSince(checkedAt);
    if (isAnswered(request, digest)) return { digest, mediaType, sizeBytes, cache, ageSeconds };
    // Also for a HEAD: the client requests the new digest next, and must get it.
    const fetched = cached ? move(request, digest, cached) : fetcher.byDigest(source, digest, true);
    return { ...(await fetched), ageSeconds };
  }

  async function move({ source, tag }: TagRequest, digest: Digest, former: CachedTag): Promise<ManifestLookup> {
    try {
      return await moves.move(source, tag, digest, former);
    } catch (error) {
      throw error instanceof UpstreamError ? new MoveFailed(error) : error;
    }
  }

  function stale({ confirmedAt, ...manifest }: CachedTag): ManifestLookup {
    return { ...manifest, cache: 'STALE', ageSeconds: secondsSince(confirmedAt) };
  }

  /** Serves without the upstream. Without a body that is what the upstream said last, also where the manifest is not here. */
  function withoutUpstream({ known, cached }: TagRequest): ManifestLookup {
    if (cached) return stale(cached);
    const { digest, mediaType, sizeBytes, checkedAt } = known;
    return { digest, mediaType, sizeBytes, cache: 'STALE', ageSeconds: secondsSince(checkedAt) };
  }

  function putOff({ source, tag }: TagRequest): void {
    retries.set(keyOf(source, tag), now() + retrySeconds * 1000);
  }

  function isPutOff({ source, tag }: TagRequest): boolean {
    return isBefore(retries.get(keyOf(source, tag)) ?? 0, retrySeconds * 1000, now());
  }

  async function checked(request: TagRequest): Promise<ManifestLookup> {
    const { source, tag, known, cached } = request;
    const facts = await (cached ? check(source, tag) : checkUnlessAbsent(source, tag));
    return current(request, facts, now(), facts.digest === known.digest ? 'REVALIDATED' : 'MISS');
  }

  /** Resolves to the result of `work`, or to the cached manifest where the failure of `work` permits that. */
  async function orCached(request: TagRequest, work: Promise<ManifestLookup>): Promise<ManifestLookup> {
    try {
      return await work;
    } catch (error) {
      if (await isServedDespite(error, request)) return withoutUpstream(request);
      throw error;
    }
  }

  /** The same, but a client of a cached tag waits for the upstream only for a bounded time. The work goes on then. */
  async function inTime(request: TagRequest, work: Promise<ManifestLookup>): Promise<ManifestLookup> {
    const { source, cached } = request;
    const result = orCached(request, work);
    if (!cached) return result;
    return (await waits.within(source.upstream.name, result, work)) ?? stale(cached);
  }

  /** True if the request is answered with the cached manifest although `work` has failed. */
  async function isServedDespite(error: unknown, request: TagRequest): Promise<boolean> {
    if (!(error instanceof UpstreamError)) throw error;
    const { source, cached, bodyWanted } = request;
    const isStillThere = error instanceof MoveFailed || isServedStale(error, source);
    if (!isStillThere) return isNotYetConfirmed(request);
    // A login may be renewed at any moment.
    const mayBeRenewed = error.code === 'denied' || error.code === 'login_refused';
    if (error instanceof MoveFailed || !mayBeRenewed) putOff(request);
    return cached !== undefined || !bodyWanted;
  }

  /** A single 404 may be a mistake of the upstream: it is asked again when the tag is stale again. */
  async function isNotYetConfirmed({ source, tag, known, cached }: TagRequest): Promise<boolean> {
    if (!cached) return false;
    if (known.missingSince !== null && now() - known.missingSince >= freshMilliseconds(source, tag)) {
      await metadata.mirroredTags.remove(source.repository, tag);
      return false;
    }
    await metadata.mirroredTags.recordMissing(source.repository, tag, now());
    return true;
  }

  function served(request: TagRequest): Promise<ManifestLookup> | ManifestLookup {
    const { source, tag, known, cached } = request;
    const age = now() - known.checkedAt;
    const freshFor = freshMilliseconds(source, tag);
    if (cached && isPutOff(request)) return stale(cached);
    if (isRecent(known.checkedAt, freshFor, now())) {
      if (known.missingSince !== null) return withoutUpstream(request);
      const work = current(request, known, known.checkedAt, 'HIT');
      return isAnswered(request, known.digest) ? work : inTime(request, work);
    }
    if (cached && age < freshFor + options.staleWhileRevalidateSeconds * 1000) {
      orCached(request, checked(request)).catch(() => undefined);
      return stale(cached);
    }
    return inTime(request, checked(request));
  }

  function secondsSince(time: number): number {
    return Math.max(0, Math.floor((now() - time) / 1000));
  }

  return {
    async get(source, tag, bodyWanted) {
      const known = await metadata.mirroredTags.find(source.repository, tag);
      if (!known) {
        if (bodyWanted) return fetcher.byTag(source, tag);
        return { ...(await checkUnlessAbsent(source, tag)), cache: 'MISS', ageSeconds: 0 };
      }
      return served({ source, tag, known, cached: cachedOf(known), bodyWanted });
    },
  };
}

/** True if the request needs nothing more from the upstream where the tag points at `digest`. */
function isAnswered({ cached, bodyWanted }: TagRequest, digest: Digest): boolean {
  return cached ? cached.digest === digest : !bodyWanted;
}

function keyOf({ repository }: MirroredRepository, tag: Tag): string {
  return `${repository} ${tag}`;
}

function cachedOf(known: MirroredTagRecord): CachedTag | undefined {
  const { cachedDigest, cachedMediaType, cachedSizeBytes, cachedSince } = known;
  if (cachedDigest === null) return undefined;
  return {
    digest: cachedDigest,
    mediaType: cachedMediaType ?? '',
    sizeBytes: cachedSizeBytes ?? 0,
    confirmedAt: cachedSince ?? 0,
  };
}
