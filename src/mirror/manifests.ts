import { LRUCache } from 'lru-cache';
import type { MirroredTagRecord } from '../../storage/metadata/queries/mirror-reads.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import type { Digest } from '../oci/digest.ts';
import type { Reference, Tag } from '../oci/reference.ts';
import type { Absences } from './absence.ts';
import type { KeptManifests } from './kept-manifests.ts';
import { patiently } from './upstream/patience.ts';
import type { ManifestFacts, RemoteManifest, RemoteManifests } from './remote-manifests.ts';
import type { MirroredRepository } from './routing.ts';
import type { CacheStatus, ServedManifest } from './served.ts';
import { createSingleFlight } from './upstream/single-flight.ts';
import { UpstreamError, isOutage } from './upstream/upstream-error.ts';

/**
 * Manifests of upstreams. What has a digest is fetched once and kept; what a tag points at is believed for a while,
 * then asked for by HEAD. When the upstream cannot be asked, what it said last is served.
 */
export interface MirroredManifests {
  /** `bodyWanted`: without it nothing but headers is asked of the upstream. Rejects with `UpstreamError`. */
  get(source: MirroredRepository, reference: Reference, bodyWanted: boolean): Promise<ServedManifest>;
}

export interface MirroredManifestsOptions {
  readonly metadata: MetadataStore;
  readonly remote: RemoteManifests;
  readonly kept: KeptManifests;
  readonly absences: Absences;
  readonly now: () => number;
  /** How long a tag is believed. */
  readonly freshnessSeconds: (source: MirroredRepository, tag: Tag) => number;
  readonly onFetched: (source: MirroredRepository, manifest: RemoteManifest) => void;
  /** How long a client waits for the upstream where there is something to serve without it. */
  readonly patienceSeconds: number;
}

const absentTagSeconds = 30;
const absentDigestSeconds = 600;
const mostLooks = 10_000;

export function createMirroredManifests(options: MirroredManifestsOptions): MirroredManifests {
  const { metadata, remote, kept, absences, now, freshnessSeconds, patienceSeconds, onFetched } = options;
  const fetches = createSingleFlight<RemoteManifest>();
  const checks = createSingleFlight<ManifestFacts>();
  /** Of this process: a request may have read the store before the answer to another one was written there. */
  const looks = new LRUCache<string, { readonly facts: ManifestFacts; readonly at: number }>({ max: mostLooks });

  /** One GET at the upstream for everybody; the manifest is kept, and served even where it cannot be. */
  function fetch(source: MirroredRepository, reference: string, expected?: Digest): Promise<RemoteManifest> {
    const key = `${source.repository} ${reference}`;
    absences.check(key);
    return fetches.run(key, () =>
      absences.noting(key, expected ? absentDigestSeconds : absentTagSeconds, async () => {
        const manifest = await remote.get(source, reference, expected);
        await kept.keep(source, manifest, expected ? undefined : reference);
        onFetched(source, manifest);
        return manifest;
      }),
    );
  }

  /** One HEAD at the upstream for everybody. */
  function check(source: MirroredRepository, reference: string): Promise<ManifestFacts> {
    const key = `${source.repository} ${reference}`;
    absences.check(key);
    return checks.run(key, () => absences.noting(key, absentTagSeconds, () => remote.head(source, reference)));
  }

  /** What the tag points at, by one HEAD for everybody who comes before it is known, or just after. */
  function look(source: MirroredRepository, tag: Tag): Promise<ManifestFacts> {
    const key = `${source.repository} ${tag}`;
    const last = looks.get(key);
    if (last && now() - last.at < freshnessSeconds(source, tag) * 1000) return Promise.resolve(last.facts);
    absences.check(key);
    return checks.run(key, () =>
      absences.noting(key, absentTagSeconds, async () => {
        const facts = await remote.head(source, tag);
        await kept.point(source, tag, facts);
        looks.set(key, { facts, at: now() });
        return facts;
      }),
    );
  }

  async function byDigest(source: MirroredRepository, digest: Digest, bodyWanted: boolean): Promise<ServedManifest> {
    const record = await metadata.findManifestByDigest(source.repository, digest);
    if (record) return { ...record, cache: 'HIT' };
    if (!bodyWanted) return { ...(await check(source, digest)), cache: 'MISS' };
    return fetched(await fetch(source, digest, digest));
  }

  function fetched({ digest, mediaType, sizeBytes, bytes }: RemoteManifest): ServedManifest {
    return { digest, mediaType, sizeBytes, bytes, cache: 'MISS', ageSeconds: 0 };
  }

  async function byTag(source: MirroredRepository, tag: Tag, bodyWanted: boolean): Promise<ServedManifest> {
    const known = await metadata.findMirroredTag(source.repository, tag);
    if (!known) return bodyWanted ? fetched(await fetch(source, tag)) : firstLook(source, tag);
    if (now() - known.checkedAt < freshnessSeconds(source, tag) * 1000) {
      return serve(source, known, known.missingSince === null ? 'HIT' : 'STALE', bodyWanted);
    }
    return revalidated(source, tag, known, bodyWanted);
  }

  async function firstLook(source: MirroredRepository, tag: Tag): Promise<ServedManifest> {
    const facts = await look(source, tag);
    return { ...facts, cache: 'MISS', ageSeconds: 0 };
  }

  async function revalidated(
    source: MirroredRepository,
    tag: Tag,
    known: MirroredTagRecord,
    bodyWanted: boolean,
  ): Promise<ServedManifest> {
    const stale = () => serve(source, known, 'STALE', bodyWanted);
    try {
      const facts = await (known.isStored === 1 ? patiently(look(source, tag), patienceSeconds) : look(source, tag));
      if (!facts) return await stale();
      const isStored = facts.digest === known.digest ? known.isStored : 0;
      const state = { ...known, ...facts, isStored, checkedAt: now() };
      return await serve(source, state, facts.digest === known.digest ? 'REVALIDATED' : 'MISS', bodyWanted);
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error;
      if (isOutage(error) ? known.isStored === 1 || !bodyWanted : await mayStillServe(source, tag, known)) return stale();
      throw error;
    }
  }

  /** An upstream that says once that a tag is gone may be mistaken: it must say so again, a while later. */
  async function mayStillServe(source: MirroredRepository, tag: Tag, known: MirroredTagRecord): Promise<boolean> {
    if (known.isStored === 0) return false;
    const graceMilliseconds = freshnessSeconds(source, tag) * 1000;
    if (known.missingSince !== null && now() - known.missingSince >= graceMilliseconds) {
      await metadata.dropMirroredTag(source.repository, tag);
      return false;
    }
    await metadata.recordMissingTag(source.repository, tag, now());
    return true;
  }

  async function serve(
    source: MirroredRepository,
    { digest, mediaType, sizeBytes, checkedAt, isStored }: MirroredTagRecord,
    cache: CacheStatus,
    bodyWanted: boolean,
  ): Promise<ServedManifest> {
    const ageSeconds = Math.max(0, Math.floor((now() - checkedAt) / 1000));
    if (isStored === 1 || !bodyWanted) return { digest, mediaType, sizeBytes, cache, ageSeconds };
    const manifest = await byDigest(source, digest as Digest, true);
    return { ...manifest, ageSeconds };
  }

  return {
    get: (source, reference, bodyWanted) =>
      reference.tag === undefined ? byDigest(source, reference.digest, bodyWanted) : byTag(source, reference.tag, bodyWanted),
  };
}
