import type { MirroredTagRecord } from '../../../storage/metadata/queries/mirror/tags.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import type { Digest } from '../../oci/digest.ts';
import type { Tag } from '../../oci/reference.ts';
import type { NegativeCache } from '../remote/negative-cache.ts';
import type { ManifestStore } from './manifest-store.ts';
import type { ManifestFetcher } from './manifest-fetcher.ts';
import type { ManifestFacts, RemoteManifests } from '../remote/remote-manifests.ts';
import type { MirroredRepository } from '../names/routing.ts';
import type { CacheStatus, ManifestLookup } from '../remote/lookup-result.ts';
import { createSingleFlight } from '../../coordination/single-flight.ts';
import { isServedStale } from '../remote/stale-errors.ts';
import { UpstreamError } from '../upstream/upstream-error.ts';
import type { UpstreamWaits } from '../remote/upstream-waits.ts';
import { createLru } from '../../coordination/lru.ts';

/** Tags of upstreams: served without asking while they are fresh, then checked by one HEAD for all clients. */
export interface MirroredTags {
  /** `bodyWanted`: if false, only headers are requested for a tag that is not cached. Rejects with `UpstreamError`. */
  get(source: MirroredRepository, tag: Tag, bodyWanted: boolean): Promise<ManifestLookup>;
}

export interface MirroredTagsOptions {
  readonly metadata: MetadataStore;
  readonly remote: Pick<RemoteManifests, 'head'>;
  readonly kept: Pick<ManifestStore, 'point'>;
  readonly fetcher: ManifestFetcher;
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
  readonly waits: UpstreamWaits;
}

/** The newest manifest of a tag that is here, whatever the upstream has said since. */
interface HeldManifest {
  readonly digest: string;
  readonly mediaType: string;
  readonly sizeBytes: number;
  /** When the upstream last said that the tag points at it, in milliseconds since 1970. */
  readonly confirmedAt: number;
}

/** One request for a tag. */
interface TagRequest {
  readonly source: MirroredRepository;
  readonly tag: Tag;
  readonly known: MirroredTagRecord;
  readonly held: HeldManifest | undefined;
  readonly bodyWanted: boolean;
}

const maxRemembered = 10_000;

export function createMirroredTags(options: MirroredTagsOptions): MirroredTags {
  const { metadata, remote, kept, fetcher, negativeCache, waits, now, negativeSeconds, retrySeconds } = options;
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
    if (last && now() - last.at < freshMilliseconds(source, tag)) return last.facts;
    return checks.run(key, async () => {
      const facts = await remote.head(source, tag);
      await kept.point(source, tag, facts);
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

  /** Returns the manifest that the tag points at, fetched if it is not cached; the cached one if that fails now. */
  async function current(request: TagRequest, facts: ManifestFacts, checkedAt: number, cache: CacheStatus) {
    const { source, held, bodyWanted } = request;
    const ageSeconds = secondsSince(checkedAt);
    const { digest, mediaType, sizeBytes } = facts;
    if (held?.digest === digest || (!held && !bodyWanted)) return { digest, mediaType, sizeBytes, cache, ageSeconds };
    // Also for a HEAD: the client requests the new digest next, and must get it.
    const fetched = fetcher.byDigest(source, digest, true);
    if (!held) return { ...(await fetched), ageSeconds };
    try {
      const manifest = await waits.within(source.upstream.name, fetched);
      return manifest ? { ...manifest, ageSeconds } : stale(held);
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error;
      putOff(request);
      return stale(held);
    }
  }

  function stale({ confirmedAt, ...manifest }: HeldManifest): ManifestLookup {
    return { ...manifest, cache: 'STALE', ageSeconds: secondsSince(confirmedAt) };
  }

  /** Serves without the upstream. Without a body that is what the upstream said last, also where the manifest is not here. */
  function withoutUpstream({ known, held }: TagRequest): ManifestLookup {
    if (held) return stale(held);
    const { digest, mediaType, sizeBytes, checkedAt } = known;
    return { digest, mediaType, sizeBytes, cache: 'STALE', ageSeconds: secondsSince(checkedAt) };
  }

  function putOff({ source, tag }: TagRequest): void {
    retries.set(keyOf(source, tag), now() + retrySeconds * 1000);
  }

  function isPutOff({ source, tag }: TagRequest): boolean {
    return now() < (retries.get(keyOf(source, tag)) ?? 0);
  }

  async function revalidated(request: TagRequest): Promise<ManifestLookup> {
    const { source, tag, known, held } = request;
    try {
      const facts = await (held ? waits.within(source.upstream.name, check(source, tag)) : checkUnlessAbsent(source, tag));
      if (!facts) return withoutUpstream(request);
      return await current(request, facts, now(), facts.digest === known.digest ? 'REVALIDATED' : 'MISS');
    } catch (error) {
      if (await isServedDespite(error, request)) return withoutUpstream(request);
      throw error;
    }
  }

  /** True if the request is answered with the cached manifest although the check has failed. */
  async function isServedDespite(error: unknown, request: TagRequest): Promise<boolean> {
    if (!(error instanceof UpstreamError)) throw error;
    const { source, held, bodyWanted } = request;
    if (!isServedStale(error, source)) return isNotYetConfirmed(request);
    // A login may be renewed at any moment.
    if (error.code !== 'denied' && error.code !== 'login_refused') putOff(request);
    return held !== undefined || !bodyWanted;
  }

  /** A single 404 may be a mistake of the upstream: it is asked again when the tag is stale again. */
  async function isNotYetConfirmed({ source, tag, known, held }: TagRequest): Promise<boolean> {
    if (!held) return false;
    if (known.missingSince !== null && now() - known.missingSince >= freshMilliseconds(source, tag)) {
      await metadata.mirroredTags.remove(source.repository, tag);
      return false;
    }
    await metadata.mirroredTags.recordMissing(source.repository, tag, now());
    return true;
  }

  /** Checks the tag for later requests. */
  function revalidateInBackground(request: TagRequest): void {
    revalidated(request).catch(() => undefined);
  }

  function served(request: TagRequest): Promise<ManifestLookup> | ManifestLookup {
    const { source, tag, known, held } = request;
    const age = now() - known.checkedAt;
    const freshFor = freshMilliseconds(source, tag);
    if (held && isPutOff(request)) return stale(held);
    if (age < freshFor) {
      if (known.missingSince !== null) return withoutUpstream(request);
      return current(request, { ...known, digest: known.digest as Digest }, known.checkedAt, 'HIT');
    }
    if (held && age < freshFor + options.staleWhileRevalidateSeconds * 1000) {
      revalidateInBackground(request);
      return stale(held);
    }
    return revalidated(request);
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
      return served({ source, tag, known, held: heldOf(known), bodyWanted });
    },
  };
}

function keyOf({ repository }: MirroredRepository, tag: Tag): string {
  return `${repository} ${tag}`;
}

function heldOf(known: MirroredTagRecord): HeldManifest | undefined {
  const { heldDigest, heldMediaType, heldSizeBytes, heldSince } = known;
  if (heldDigest === null) return undefined;
  return { digest: heldDigest, mediaType: heldMediaType ?? '', sizeBytes: heldSizeBytes ?? 0, confirmedAt: heldSince ?? 0 };
}
