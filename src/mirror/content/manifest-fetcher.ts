import type { MetadataStore } from '../../../storage/metadata/store.ts';
import type { Digest } from '../../oci/digest.ts';
import type { Tag } from '../../oci/reference.ts';
import type { NegativeCache } from '../remote/negative-cache.ts';
import type { ManifestStore } from './manifest-store.ts';
import type { ManifestLock } from './manifest-lock.ts';
import type { ManifestFacts, RemoteManifest, RemoteManifests } from '../remote/remote-manifests.ts';
import type { MirroredRepository } from '../names/routing.ts';
import type { ManifestLookup } from '../remote/lookup-result.ts';
import { createSingleFlight } from '../../coordination/single-flight.ts';

/** Manifests by digest, and the first fetch of a tag: each is fetched once for all clients of all processes, and kept. */
export interface ManifestFetcher {
  /** `bodyWanted`: if false, only headers are requested from the upstream. Rejects with `UpstreamError`. */
  byDigest(source: MirroredRepository, digest: Digest, bodyWanted: boolean): Promise<ManifestLookup>;
  /** Fetches what the tag points at now. Rejects with `UpstreamError`. */
  byTag(source: MirroredRepository, tag: Tag): Promise<ManifestLookup>;
}

export interface ManifestFetcherOptions {
  readonly metadata: MetadataStore;
  readonly remote: RemoteManifests;
  readonly manifestStore: ManifestStore;
  readonly negativeCache: NegativeCache;
  readonly lock: ManifestLock;
  /** How long the upstream is not asked again for what it does not have. */
  readonly negativeSeconds: number;
  readonly onFetched: (source: MirroredRepository, manifest: RemoteManifest) => void;
}

export function createManifestFetcher(options: ManifestFetcherOptions): ManifestFetcher {
  const { metadata, remote, manifestStore, negativeCache, lock, negativeSeconds, onFetched } = options;
  const fetches = createSingleFlight<ManifestLookup>();
  const checks = createSingleFlight<ManifestFacts>();

  /** One GET at the upstream; the manifest is served also where it cannot be kept. */
  async function fetchOnce(source: MirroredRepository, reference: string, expected?: Digest): Promise<ManifestLookup> {
    const manifest = await remote.get(source, reference, expected);
    await manifestStore.keep(source, manifest, expected ? undefined : reference);
    onFetched(source, manifest);
    const { digest, mediaType, sizeBytes, bytes } = manifest;
    return { digest, mediaType, sizeBytes, bytes, cache: 'MISS', ageSeconds: 0 };
  }

  /** Returns the manifest if another process has just fetched it. */
  async function stored({ repository }: MirroredRepository, reference: string, expected?: Digest) {
    const tag = expected ? undefined : await metadata.mirroredTags.find(repository, reference);
    const digest = expected ?? tag?.digest;
    const record = digest === undefined ? undefined : await metadata.manifests.findIntactByDigest(repository, digest);
    return record && { ...record, cache: 'JOIN' as const, ageSeconds: 0 };
  }

  function fetch(source: MirroredRepository, reference: string, expected?: Digest): Promise<ManifestLookup> {
    const key = `${source.repository} ${reference}`;
    negativeCache.check(key);
    return fetches.run(key, () =>
      negativeCache.remember(key, negativeSeconds, () =>
        lock.run(`manifest:${key}`, async (hasWaited) => {
          const found = hasWaited ? await stored(source, reference, expected) : undefined;
          return found ?? fetchOnce(source, reference, expected);
        }),
      ),
    );
  }

  /** One HEAD at the upstream. */
  function check(source: MirroredRepository, digest: Digest): Promise<ManifestFacts> {
    const key = `${source.repository} ${digest}`;
    negativeCache.check(key);
    return checks.run(key, () => negativeCache.remember(key, negativeSeconds, () => remote.head(source, digest)));
  }

  return {
    async byDigest(source, digest, bodyWanted) {
      const record = await metadata.manifests.findIntactByDigest(source.repository, digest);
      if (record) return { ...record, cache: 'HIT' };
      return bodyWanted ? fetch(source, digest, digest) : { ...(await check(source, digest)), cache: 'MISS' };
    },
    byTag: (source, tag) => fetch(source, tag),
  };
}
