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
import type { UpstreamClient } from '../upstream/upstream-client.ts';
import { UpstreamError } from '../upstream/upstream-error.ts';

/** Blobs of upstreams: fetched once, served while they come, and only by repositories that the upstream has them in. */
export interface MirroredBlobs {
  /** `bodyWanted`: without it no byte of the blob is asked of the upstream. Rejects with `UpstreamError`. */
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
  /** Whether some of what is fetched may not be for everybody. */
  readonly keepsSecrets: boolean;
  readonly events: Pick<MirrorEvents, 'resumed' | 'received'>;
  /** Counts received bytes against the upstream's bandwidth; resolves when more may be read. */
  readonly spend: (source: MirroredRepository, bytes: number, signal: AbortSignal) => Promise<void>;
}

/** What upstreams answer that do not know HEAD of blobs, and stores of objects whose links are good for GET alone. */
const headRefusals: readonly number[] = [400, 403, 405, 501];

export function createMirroredBlobs(options: MirroredBlobsOptions): MirroredBlobs {
  const { metadata, fills, negativeCache, clientOf, now, negativeSeconds, keepsSecrets, events, spend } = options;
  const looks = createSingleFlight<number>();

  /** The blob's size, by one HEAD at the upstream for everybody: it has the blob in this very repository. */
  function look(source: MirroredRepository, digest: Digest): Promise<number> {
    const key = absenceOf(source, digest);
    negativeCache.check(key);
    return looks.run(key, () =>
      negativeCache.remember(key, negativeSeconds, () => sizeAtUpstream(clientOf(source), source.remoteName, digest)),
    );
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
        onResume: () => events.resumed(source.upstream.name),
        onReceived(bytes, signal) {
          events.received(source.upstream.name, bytes);
          return spend(source, bytes, signal);
        },
      },
      // A manifest's word is enough for what everybody may read, and else the upstream's own.
      () => (promisedBytes === undefined || keepsSecrets ? look(source, digest) : Promise.resolve()),
    );
  }

  /** Undefined where another process has just ended a fill: what it left decides. */
  async function attempt(source: MirroredRepository, digest: Digest, bodyWanted: boolean): Promise<BlobLookup | undefined> {
    const { repository } = source;
    const link = await metadata.blobs.findLink(repository, digest);
    if (link) return { ...link, cache: 'HIT' };
    const joined = await (await fills.of(source.upstream.name)).find(digest, repository, bodyWanted);
    if (joined) return toServed(joined);
    const promise = await metadata.mirroredContent.findExpected(repository, digest);
    const isOpen = promise?.isOpen === 1;
    const isHeld = isOpen || (await metadata.blobs.find(digest)) !== undefined;
    // A manifest can name anything: only the upstream can say that the repository has what was pushed here, what came
    // by a login, or what others have brought here and no manifest names.
    const mustLook = isHeld ? !isOpen : !promise && !bodyWanted;
    const looked = mustLook ? await look(source, digest) : undefined;
    if (isHeld && (await metadata.mirroredContent.linkBlob(toMirroredRepository(source), digest, now()))) {
      const linked = await metadata.blobs.findLink(repository, digest);
      if (linked) return { ...linked, cache: 'HIT' };
    }
    const sizeBytes = looked ?? promise?.sizeBytes;
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

/** Manifests are missing by names of their own: a digest may be of either. */
function absenceOf({ repository }: MirroredRepository, digest: Digest): string {
  return `blob ${repository} ${digest}`;
}

function toServed({ sizeBytes, isNew, open }: JoinedFill): BlobLookup {
  return { sizeBytes, cache: isNew ? 'MISS' : 'JOIN', open };
}
