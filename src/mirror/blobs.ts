import type { MetadataStore } from '../../storage/metadata/store.ts';
import type { Digest } from '../oci/digest.ts';
import type { Absences } from './absence.ts';
import { placeOf } from './body-place.ts';
import type { Fills, JoinedFill } from './fills.ts';
import type { MirroredRepository } from './routing.ts';
import type { ServedBlob } from './served.ts';
import { createSingleFlight } from './single-flight.ts';
import type { UpstreamClient } from './upstream-client.ts';

/** Blobs of upstreams: fetched once, served while they come, and only by repositories that the upstream has them in. */
export interface MirroredBlobs {
  /** `bodyWanted`: without it no byte of the blob is asked of the upstream. Rejects with `UpstreamError`. */
  get(source: MirroredRepository, digest: Digest, bodyWanted: boolean): Promise<ServedBlob>;
}

export interface MirroredBlobsOptions {
  readonly metadata: MetadataStore;
  readonly fills: Fills;
  readonly absences: Absences;
  readonly clientOf: (source: MirroredRepository) => UpstreamClient;
  readonly now: () => number;
  readonly onResume: (source: MirroredRepository) => void;
  /** Resolves when more may be read. */
  readonly onReceived: (source: MirroredRepository, bytes: number, signal: AbortSignal) => Promise<void>;
}

const absentSeconds = 600;

export function createMirroredBlobs(options: MirroredBlobsOptions): MirroredBlobs {
  const { metadata, fills, absences, clientOf, now, onResume, onReceived } = options;
  const looks = createSingleFlight<number>();

  /** The blob's size, by one HEAD at the upstream for everybody: it has the blob in this very repository. */
  function look(source: MirroredRepository, digest: Digest): Promise<number> {
    const key = absenceOf(source, digest);
    absences.check(key);
    return looks.run(key, () =>
      absences.noting(key, absentSeconds, async () => {
        const { remoteName } = source;
        const response = await clientOf(source).request({ method: 'HEAD', remoteName, path: `blobs/${digest}` });
        response.resume();
        return placeOf(response, undefined).totalBytes;
      }),
    );
  }

  function join(source: MirroredRepository, digest: Digest, promisedBytes: number | undefined) {
    const { remoteName, repository, upstream } = source;
    const key = absenceOf(source, digest);
    absences.check(key);
    return fills.join(
      digest,
      { repository, upstream: upstream.name },
      {
        promisedBytes,
        fetch: (first, signal) =>
          absences.noting(key, absentSeconds, () =>
            clientOf(source).request({
              method: 'GET',
              remoteName,
              path: `blobs/${digest}`,
              signal,
              ...(first === 0 ? {} : { range: `bytes=${first}-` }),
            }),
          ),
        onResume: () => onResume(source),
        onReceived: (bytes, received) => onReceived(source, bytes, received),
      },
      // A manifest's word is enough, and else the upstream's own.
      () => (promisedBytes === undefined ? look(source, digest) : Promise.resolve()),
    );
  }

  async function linkHeld({ repository, upstream }: MirroredRepository, digest: Digest): Promise<boolean> {
    return metadata.linkHeldBlob({ repository, upstream: upstream.name }, digest, now());
  }

  /** Undefined where another process has just ended a fill: what it left decides. */
  async function attempt(source: MirroredRepository, digest: Digest, bodyWanted: boolean): Promise<ServedBlob | undefined> {
    const { repository } = source;
    const link = await metadata.findLink(repository, digest);
    if (link) return { ...link, cache: 'HIT' };
    const joined = await fills.find(digest, repository, bodyWanted);
    if (joined) return toServed(joined);
    const promise = await metadata.findPromise(repository, digest);
    const isMirrored = promise?.isMirrored === 1;
    const isHeld = isMirrored || (await metadata.findContent(digest)) !== undefined;
    // A manifest can name anything: only the upstream can say that the repository has what was pushed here, or what
    // others have brought here and no manifest names.
    const mustLook = isHeld ? !isMirrored : !promise && !bodyWanted;
    const looked = mustLook ? await look(source, digest) : undefined;
    if (isHeld && (await linkHeld(source, digest))) {
      const linked = await metadata.findLink(repository, digest);
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

/** Manifests are missing by names of their own: a digest may be of either. */
function absenceOf({ repository }: MirroredRepository, digest: Digest): string {
  return `blob ${repository} ${digest}`;
}

function toServed({ sizeBytes, isNew, open }: JoinedFill): ServedBlob {
  return { sizeBytes, cache: isNew ? 'MISS' : 'JOIN', open };
}
