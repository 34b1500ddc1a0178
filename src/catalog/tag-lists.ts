import type { CatalogTag, TagOrder, TagPosition } from '../../storage/metadata/queries/catalog/tags.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import { OciError } from '../oci/errors.ts';
import { kindOfManifest } from '../oci/media-types.ts';
import type { Digest } from '../oci/digest.ts';
import type { RepositoryName } from '../oci/reference.ts';
import { boundsOf, naturalKey } from './natural.ts';
import { type BothWays, type PageRequest, type Rows, type Total, fetchFrom, mostCounted, pageOf, totalOf } from './paging.ts';

export type { TagOrder };

/** A platform of an image in a list of tags. */
export interface ListedPlatform {
  /** `linux/arm64`; '' if it is not known. */
  readonly platform: string;
  readonly digest: Digest;
  /** Of the manifest, the configuration and the layers; undefined if the manifest is not stored here. */
  readonly downloadBytes?: number | undefined;
}

/** A tag as a list shows it. Times are milliseconds since 1970. */
export interface ListedTag {
  readonly name: string;
  readonly digest: Digest;
  readonly kind: 'index' | 'image' | 'artifact';
  /** Empty until the image is described, some seconds after its push. */
  readonly platforms: readonly ListedPlatform[];
  readonly taggedAt: number;
  /** Undefined if it is not recorded. */
  readonly taggedBy: string | undefined;
  /** Right to an hour; undefined: none is recorded. */
  readonly pulledAt: number | undefined;
  /** True if there is a signature. Nothing has verified it. */
  readonly isSigned: boolean;
  readonly hasSbom: boolean;
  /** Other tags of the same digest. */
  readonly otherNames: readonly string[];
}

export interface TagListRequest extends PageRequest {
  readonly order: TagOrder;
  /** Undefined: names ascending, everything else descending. */
  readonly isDescending?: boolean | undefined;
  /** The beginning of the names; '': all. */
  readonly prefix: string;
}

export interface TagList extends BothWays<ListedTag> {
  readonly total: Total;
}

/** Lists of the tags of a repository, in any order, without those that stand for referrers and signatures. */
export interface TagLists {
  /** The caller has checked that the client may pull the repository. Throws NAME_UNKNOWN. */
  list(repository: RepositoryName, request: TagListRequest): Promise<TagList>;
}

/** A selection up to this size is sorted in memory; larger ones are read in the order of an index. */
const smallSelection = 500;

export function createTagLists({ catalogTags }: Pick<MetadataStore, 'catalogTags'>): TagLists {
  async function page(
    repository: RepositoryName,
    request: TagListRequest,
    tags: number,
  ): Promise<BothWays<CatalogTag> & { total: Total }> {
    const { order, prefix } = request;
    const cursors = cursorsOf(order);
    const bounds = prefix === '' ? undefined : boundsOf(prefix);
    const small = bounds && (await catalogTags.listBetween(repository, bounds, smallSelection + 1));
    if (small && small.length <= smallSelection) {
      const fetch = fetchFrom<CatalogTag, TagPosition>(small, comparing(request));
      return { ...(await pageOf(request, { fetch, ...cursors })), total: totalOf(small.length) };
    }
    const fetch: Rows<CatalogTag, TagPosition>['fetch'] = (from, isReverse, limit) =>
      catalogTags.list({ repository, order, isDescending: isDescendingIn(request) !== isReverse, from, bounds, limit });
    const count = bounds ? await catalogTags.countBetween(repository, bounds, mostCounted + 1) : tags;
    return { ...(await pageOf(request, { fetch, ...cursors })), total: totalOf(count) };
  }

  return {
    async list(repository, request) {
      const tags = await catalogTags.count(repository);
      if (tags === undefined) throw new OciError('NAME_UNKNOWN', { detail: { name: repository } });
      const found = await page(repository, request, tags);
      return { ...found, items: found.items.map(toListed) };
    },
  };
}

function toListed(tag: CatalogTag): ListedTag {
  const { name, digest, isSigned, hasSbom } = tag;
  return {
    name,
    digest,
    isSigned,
    hasSbom,
    kind: kindOfManifest(tag.mediaType, tag.artifactType),
    platforms: JSON.parse(tag.platforms) as readonly ListedPlatform[],
    taggedAt: tag.updatedAt,
    taggedBy: tag.pushedBy ?? undefined,
    pulledAt: tag.pulledAt === 0 ? undefined : tag.pulledAt,
    otherNames: tag.names.split(' ').filter((other) => other !== name),
  };
}

function isDescendingIn({ order, isDescending = order !== 'name' }: TagListRequest): boolean {
  return isDescending;
}

const fields = { name: 'naturalName', pushed: 'updatedAt', pulled: 'pulledAt', size: 'downloadBytes' } as const;

/** Positions in the other orders have none. */
const noDigest = '' as Digest;

/** Orders in which tags of one image are neighbours. */
const isByImage = (order: TagOrder) => order === 'pulled' || order === 'size';

function comparing(request: TagListRequest) {
  const { order } = request;
  const sign = isDescendingIn(request) ? -1 : 1;
  const partsOf = (row: CatalogTag | TagPosition) => [
    'key' in row ? row.key : row[fields[order]],
    isByImage(order) ? row.digest : '',
    row.name,
  ];
  return (one: CatalogTag | TagPosition, other: CatalogTag | TagPosition): number => {
    const others = partsOf(other);
    for (const [index, part] of partsOf(one).entries()) {
      const against = others[index] ?? '';
      if (part !== against) return part < against ? -sign : sign;
    }
    return 0;
  };
}

/** A cursor is the name of the row, and its key and digest where the name does not have them. */
function cursorsOf(order: TagOrder): Pick<Rows<CatalogTag, TagPosition>, 'cursorOf' | 'parse'> {
  if (order === 'name')
    return { cursorOf: ({ name }) => name, parse: (name) => ({ key: naturalKey(name), digest: noDigest, name }) };
  return {
    cursorOf: (row) => `${row[fields[order]]}~${isByImage(order) ? row.digest : ''}~${row.name}`,
    parse(cursor) {
      const [, key, digest, name] = /^(\d{1,16})~([^~]*)~([^~]+)$/.exec(cursor) ?? [];
      if (key === undefined || digest === undefined || name === undefined) return undefined;
      return { key: Number(key), digest: digest as Digest, name };
    },
  };
}
