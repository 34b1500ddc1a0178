import { createHash } from 'node:crypto';
import type { LayerTags } from '../../storage/metadata/queries/catalog/sharers.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import { createLru } from '../coordination/lru.ts';
import type { Digest } from '../oci/digest.ts';
import type { RepositoryName } from '../oci/reference.ts';
import type { Total } from './paging.ts';
import { type Viewer, visibleNames } from './repository-lists.ts';

/** How many tags share the layers of an image. */
export interface LayerSharers {
  /**
   * Counts the tags of the images with each layer, up to 100, those of the image included: of all repositories for a viewer who
   * may pull them all, else of `repository` and the first repositories that the viewer may pull. Others change nothing. A count
   * is up to a minute old.
   */
  count(
    viewer: Pick<Viewer, 'seesAll' | 'names'>,
    repository: RepositoryName,
    layers: readonly Digest[],
  ): Promise<ReadonlyMap<Digest, Total>>;
}

/** Repositories that are looked at for a viewer who may not pull all. */
const mostNames = 100;
const keptMilliseconds = 60_000;
const keptCounts = 10_000;

interface Scope {
  /** Undefined: all. */
  readonly names: readonly RepositoryName[] | undefined;
  /** True if the viewer may pull no others. */
  readonly isWhole: boolean;
  /** Differs for other names. */
  readonly key: string;
}

/** `now`: milliseconds since 1970. */
export function createLayerSharers(metadata: Pick<MetadataStore, 'layerSharers'>, now: () => number): LayerSharers {
  const counts = createLru<{ readonly tags: LayerTags; readonly until: number }>(keptCounts);

  return {
    async count(viewer, repository, layers) {
      const { names, isWhole, key } = await scopeOf(viewer, repository);
      const keyOf = (digest: Digest) => `${digest} ${key}`;
      const known = new Map<Digest, LayerTags>();
      const unknown = new Set<Digest>();
      for (const digest of layers) {
        const kept = counts.get(keyOf(digest));
        if (kept && kept.until > now()) known.set(digest, kept.tags);
        else unknown.add(digest);
      }
      const found = unknown.size === 0 ? [] : await metadata.layerSharers.countTags([...unknown], names);
      for (const tags of found) {
        counts.set(keyOf(tags.digest), { tags, until: now() + keptMilliseconds });
        known.set(tags.digest, tags);
      }
      return new Map([...known].map(([digest, { count, isExact }]) => [digest, { count, isExact: isExact && isWhole }]));
    },
  };
}

async function scopeOf(viewer: Pick<Viewer, 'seesAll' | 'names'>, repository: RepositoryName): Promise<Scope> {
  if (viewer.seesAll) return { names: undefined, isWhole: true, key: '' };
  const visible = await visibleNames(viewer, '', mostNames + 1);
  const names = [...new Set([repository, ...visible.slice(0, mostNames)])];
  const key = createHash('sha256').update(names.join('\n')).digest('base64');
  return { names, isWhole: visible.length <= mostNames, key };
}
