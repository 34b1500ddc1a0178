import type { MetadataStore } from '../../../storage/metadata/store.ts';
import type { Digest } from '../../oci/digest.ts';
import type { NegativeCache } from '../remote/negative-cache.ts';
import { contentRangeOf } from '../fills/content-range.ts';
import type { JoinedFill } from '../fills/fills.ts';
import type { UpstreamFills } from '../fills/upstream-fills.ts';
import type { MirrorEvents } from '../events/mirror-events.ts';
import { toMirroredRepository } from '../names/repository-ref.ts';
import type { MirroredRepository } from '../names/routing.ts';
import type { BlobLookup } from '../remote/lookup-result.ts';
import { createSingleFlight } from '../../coordination/single-flight.ts';
import type { UpstreamClient } from '../../upstream/upstream-client.ts';
import { UpstreamError } from '../../upstream/upstream-error.ts';

/** Blobs of upstreams: fetched once, served during the download, and only in repositories in which the upstream has them. */
export interface MirroredBlobs {
  /** `bodyWanted`: if false, no byte of the blob is requested from the upstream. Rejects with `UpstreamError`. */
  get(source: MirroredRepository, digest: Digest, bodyWanted: boolean): Promise<BlobLookup>;
}

export interface MirroredBlobsOptions {
  readonly metadata: MetadataStore;
  readonly fills: Pick<UpstreamFills, 'of'>;
  readonly negativeCache: NegativeCache;
  readonly clientOf: (source: MirroredRepository) => UpstreamClient;
  readonly now: () => number;
  /** How long the upstream is not asked again for what it does not have. */
  readonly negativeSeconds: number;
  /** Returns true if some fetched content may be private. */
  readonly keepsSecrets: () => boolean;
  readonly events: Pick<MirrorEvents, 'resumed' | 'received'>;
  /** Counts received bytes against the upstream's bandwidth; resolves when more may be read. */
  readonly spend: (source: MirroredRepository, bytes: number, signal: AbortSignal) => Promise<void>;
}

/** Statuses of upstreams without HEAD of blobs, and of object stores whose links are for GET only. */
const headRefusals: readonly number[] = [400, 403, 405, 501];

export function createMirroredBlobs(options: MirroredBlobsOptions): MirroredBlobs {
  const { metadata, fills, negativeCache, clientOf, now, negativeSeconds, keepsSecrets, events, spend } = options;
  const sizeRequests = createSingleFlight<number>();

  /** Returns the blob's size by one HEAD for all clients; rejects if the upstream does not have it in this repository. */
  function requestSize(source: MirroredRepository, digest: Digest): Promise<number> {
    const key = absenceOf(source, digest);
    negativeCache.check(key);
    return sizeRequests.run(key, () =>
      negativeCache.remember(key, negativeSeconds, () => sizeAtUpstream(clientOf(source), source.remoteName, digest)),
    );
  }

  /**
   * Rejects unless the repository may serve the stored blob. A manifest can name anything: only the upstream can say that
   * the repository has what was pushed here, or came by a login.
   */
  async function proveStored(source: MirroredRepository, digest: Digest): Promise<void> {
    const expected = await metadata.mirroredContent.findExpected(source.repository, digest);
    if (expected?.isOpen !== true) await requestSize(source, digest);
  }

  async function join(source: MirroredRepository, digest: Digest, promisedBytes: number | undefined) {
    const { remoteName } = source;
    const running = await fills.of(source.upstream.name);
    const key = absenceOf(source, digest);
    negativeCache.check(key);
    return running.join(
      digest,
      toMirroredRepository(source),
      {
        promisedBytes,
        fetch: (first, signal, last) =>
          negativeCache.remember(key, negativeSeconds, () =>
            clientOf(source).request({
              method: 'GET',
              remoteName,
              path: `blobs/${digest}`,
              signal,
              ...(first === 0 && last === undefined ? {} : { range: `bytes=${first}-${last ?? ''}` }),
            }),
          ),
        proveStored: () => proveStored(source, digest),
        onResume: () => events.resumed(source.upstream.name),
        onReceived(bytes, signal) {
          events.received(source.upstream.name, bytes);
          return spend(source, bytes, signal);
        },
      },
      // For public content a manifest that lists the blob is proof enough, for other content only the upstream's answer.
      () => (promisedBytes === undefined || keepsSecrets() ? requestSize(source, digest) : Promise.resolve()),
    );
  }

  /** Undefined if another process has just ended a fill: try again. */
  async function attempt(source: MirroredRepository, digest: Digest, bodyWanted: boolean): Promise<BlobLookup | undefined> {
    const { repository } = source;
    const link = await metadata.blobs.findLink(repository, digest);
    if (link) return { ...link, cache: 'HIT' };
    const joined = await (await fills.of(source.upstream.name)).find(digest, repository, bodyWanted);
    if (joined) return toServed(joined);
    const expected = await metadata.mirroredContent.findExpected(repository, digest);
    const isOpen = expected?.isOpen === true;
    const isStored = isOpen || (await metadata.blobs.find(digest)) !== undefined;
    // A manifest can name anything: only the upstream can say that the repository has what was pushed here, what came
    // by a login, or what others have brought here and no manifest names.
    const mustAsk = isStored ? !isOpen : !expected && !bodyWanted;
    const askedBytes = mustAsk ? await requestSize(source, digest) : undefined;
    if (isStored && (await metadata.mirroredContent.linkBlob(toMirroredRepository(source), digest, now()))) {
      const linked = await metadata.blobs.findLink(repository, digest);
      if (linked) return { ...linked, cache: 'HIT' };
    }
    const sizeBytes = askedBytes ?? expected?.sizeBytes;
    if (!bodyWanted && sizeBytes !== undefined) return { sizeBytes, cache: 'MISS' };
    const fill = await join(source, digest, sizeBytes);
    return fill && toServed(fill);
  }

  return {
    async get(source, digest, bodyWanted) {
      for (;;) {
        const served = await attempt(source, digest, bodyWanted);
        if (served) return served;
      }
    },
  };
}

/** By HEAD; by GET of the first byte at upstreams that refuse HEAD of blobs. */
async function sizeAtUpstream(client: UpstreamClient, remoteName: string, digest: Digest): Promise<number> {
  const path = `blobs/${digest}`;
  try {
    const response = await client.request({ method: 'HEAD', remoteName, path });
    response.resume();
    return contentRangeOf(response, undefined).totalBytes;
  } catch (error) {
    if (!(error instanceof UpstreamError) || !headRefusals.includes(error.status ?? 0)) throw error;
    const response = await client.request({ method: 'GET', remoteName, path, range: 'bytes=0-0' });
    response.destroy();
    return contentRangeOf(response, undefined).totalBytes;
  }
}

/** Returns the key of a missing blob; manifests have other keys, because a digest may belong to either. */
function absenceOf({ repository }: MirroredRepository, digest: Digest): string {
  return `blob ${repository} ${digest}`;
}

function toServed({ sizeBytes, isNew, open }: JoinedFill): BlobLookup {
  return { sizeBytes, cache: isNew ? 'MISS' : 'JOIN', open };
}
