import type { MetadataStore } from '../../storage/metadata/store.ts';
import { type LayerSharers, createLayerSharers } from './layer-sharers.ts';
import { type RepositoryLists, createRepositoryLists } from './repository-lists.ts';
import { type TextService, createTextService } from './repository-texts.ts';
import { type StarService, createStarService } from './stars.ts';
import { type TagLists, createTagLists } from './tag-lists.ts';

/** What lists of repositories and tags are made of. */
export interface CatalogServices {
  readonly lists: RepositoryLists;
  readonly tagLists: TagLists;
  readonly texts: TextService;
  readonly stars: StarService;
  readonly sharers: LayerSharers;
}

/** `now`: milliseconds since 1970. */
export function createCatalogServices(
  metadata: Pick<
    MetadataStore,
    'catalogEntries' | 'catalogTags' | 'layerSharers' | 'name' | 'repositories' | 'repositoryTexts' | 'stars'
  >,
  now: () => number,
): CatalogServices {
  return {
    lists: createRepositoryLists(metadata),
    tagLists: createTagLists(metadata),
    texts: createTextService(metadata, now),
    stars: createStarService(metadata, now),
    sharers: createLayerSharers(metadata, now),
  };
}
