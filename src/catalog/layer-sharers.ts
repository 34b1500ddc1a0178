import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import type { LayerTags } from '../../storage/metadata/queries/catalog/sharers.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import { createLru } from '../coordination/lru.ts';
import { isBefore } from '../coordination/recent.ts';
import type { Digest } from '../oci/digest.ts';
import type { RepositoryName } from '../oci/reference.ts';
import type { Total } from './paging.ts';
import { type Viewer, visibleNames } from './repository-lists.ts';

/** How many tags share the layers of an image. */
export interface LayerSharers {
  /**
   * Counts the tags of the images with each layer, up to 100, those of the image included: of all repositories for a viewer who
   * may pull them all, else of `repository` and the first repositories that the viewer may pull. Others change nothing. A count
   * is up to a minute old. Has no counts for layers after the first 100.
   */
  count(
    viewer: Pick<Viewer, 'seesAll' | 'names'>,
    repository: RepositoryName,
    layers: readonly Digest[],
  ): Promise<ReadonlyMap<Digest, Total>>;
}

/** Repositories that are looked at for a viewer who may not pull all. */
const mostNames = 100;
/** Layers of an image that are counted: a manifest can have some ten thousand. */
const mostLayers = 100;
/** Reads of a view at once in a database that answers over the network. */
const readsAtOnce = 4;
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
export function createLayerSharers(metadata: Pick<MetadataStore, 'layerSharers' | 'name'>, now: () => number): LayerSharers {
  const { layerSharers } = metadata;
  // SQLite is read on this thread: each read of a view is in a turn of the event loop of its own.
  const atOnce = metadata.name === 'sqlite' ? 1 : readsAtOnce;
  const counts = createLru<{ readonly tags: LayerTags; readonly until: number }>(keptCounts);

  return {
    async count(viewer, repository, layers) {
      const { names, isWhole, key } = await scopeOf(viewer, repository);
      const keyOf = (digest: Digest) => `${digest} ${key}`;
      const known = new Map<Digest, LayerTags>();
      const unknown: Digest[] = [];
      for (const digest of [...new Set(layers)].slice(0, mostLayers)) {
        const kept = counts.get(keyOf(digest));
        if (kept && isBefore(kept.until, keptMilliseconds, now())) known.set(digest, kept.tags);
        else unknown.push(digest);
      }
      const ids = names && unknown.length > 0 ? await layerSharers.listRepositoryIds(names) : undefined;
      const countOne = async (digest: Digest) => {
        const tags = await layerSharers.countTags(digest, ids);
        counts.set(keyOf(digest), { tags, until: now() + keptMilliseconds });
        known.set(digest, tags);
      };
      for (let start = 0; start < unknown.length; start += atOnce) {
        await Promise.all(unknown.slice(start, start + atOnce).map(countOne));
        await setImmediate();
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
