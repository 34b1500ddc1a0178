import type { Reference } from '../../oci/reference.ts';
import { createManifestFetcher, type ManifestFetcherOptions } from './manifest-fetcher.ts';
import { type MirroredTagsOptions, createMirroredTags } from './mirrored-tags.ts';
import { type TagMovesOptions, createTagMoves } from './tag-moves.ts';
import type { MirroredRepository } from '../names/routing.ts';
import type { ManifestLookup } from '../remote/lookup-result.ts';

/**
 * Manifests of upstreams. By digest they are fetched once and kept; a tag is served without asking while it is fresh, and
 * then checked by HEAD. While the upstream cannot be asked, the last manifest that is here is served.
 */
export interface MirroredManifests {
  /** `bodyWanted`: if false, only headers are requested from the upstream. Rejects with `UpstreamError`. */
  get(source: MirroredRepository, reference: Reference, bodyWanted: boolean): Promise<ManifestLookup>;
}

export type MirroredManifestsOptions = ManifestFetcherOptions &
  Omit<MirroredTagsOptions, 'fetcher' | 'moves'> &
  Pick<TagMovesOptions, 'driver'>;

export function createMirroredManifests(options: MirroredManifestsOptions): MirroredManifests {
  const fetcher = createManifestFetcher(options);
  const tags = createMirroredTags({ ...options, fetcher, moves: createTagMoves({ ...options, fetcher }) });
  return {
    get: (source, reference, bodyWanted) =>
      reference.tag === undefined
        ? fetcher.byDigest(source, reference.digest, bodyWanted)
        : tags.get(source, reference.tag, bodyWanted),
  };
}
