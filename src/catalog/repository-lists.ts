import type {
  CatalogEntry,
  EntryOrder,
  NameBounds,
  Namespace,
  Position,
} from '../../storage/metadata/queries/catalog/entries.ts';
import { entryKeys } from '../../storage/metadata/queries/catalog/entries.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import type { RepositoryName } from '../oci/reference.ts';
import { boundsOf, naturalKey } from './natural.ts';
import { type BothWays, type PageRequest, type Rows, type Total, fetchFrom, mostCounted, pageOf, totalOf } from './paging.ts';

export type { CatalogEntry, EntryOrder, Namespace };

/** Who looks at a list. */
export interface Viewer {
  /** True if the viewer may pull every repository. */
  readonly seesAll: boolean;
  /** Yields the names that the viewer may list, after `after`, ascending. Others cost nothing. */
  names(after: string): AsyncIterable<RepositoryName>;
  mayPull(repository: RepositoryName): Promise<boolean>;
  /** Id of the account; undefined: the viewer has none, and no stars. */
  readonly accountId: number | undefined;
}

export interface ListRequest extends PageRequest {
  readonly order: EntryOrder;
  /** Undefined: names ascending, everything else descending. */
  readonly isDescending?: boolean | undefined;
  /** The beginning of the names; '': all. */
  readonly prefix: string;
  /** Undefined: both. */
  readonly isMirrored?: boolean | undefined;
  /** True: only repositories that the viewer has starred. */
  readonly isStarred?: boolean | undefined;
}

export interface RepositoryList extends BothWays<CatalogEntry> {
  readonly total: Total;
  /** The namespaces of all repositories that the request selects, if they were all read; otherwise undefined. */
  readonly namespaces: NamespaceList | undefined;
}

export interface NamespaceList {
  readonly items: readonly Namespace[];
  /** True if there are more namespaces than these. */
  readonly more: boolean;
}

/** Lists of repositories: of what the viewer may pull, in any order, over all rows. */
export interface RepositoryLists {
  list(viewer: Viewer, request: ListRequest): Promise<RepositoryList>;
  /** The first components of names, with the number of repositories that the viewer may pull. */
  namespaces(viewer: Viewer): Promise<NamespaceList>;
  /** Returns the repository; undefined if there is none. The caller has checked that the client may pull it. */
  find(repository: RepositoryName): Promise<CatalogEntry | undefined>;
}

/** A selection up to this size is sorted in memory; larger ones are read in the order of an index. */
const smallSelection = 500;
/** Names that are read for a viewer who may not pull everything. Above this number most of an index is visible. */
export const mostNames = 10_000;
const mostStars = 1000;
const mostNamespaces = 100;
const walkBatch = 200;

type Cursors = Pick<Rows<CatalogEntry, Position>, 'cursorOf' | 'parse'>;

export function createRepositoryLists(metadata: Pick<MetadataStore, 'catalogEntries' | 'stars'>): RepositoryLists {
  const { catalogEntries } = metadata;

  /** Returns all rows of a small selection; undefined: it is large. */
  async function selectSmall(viewer: Viewer, { prefix, isStarred }: ListRequest): Promise<readonly CatalogEntry[] | undefined> {
    if (isStarred === true) return starredBy(viewer);
    if (!viewer.seesAll) {
      const names = await visibleNames(viewer, prefix, mostNames + 1);
      return names.length > mostNames ? undefined : catalogEntries.listNamed(names);
    }
    if (prefix === '') return undefined;
    const rows = await catalogEntries.listBetween(boundsOf(prefix), smallSelection + 1);
    return rows.length > smallSelection ? undefined : rows;
  }

  async function starredBy(viewer: Viewer): Promise<readonly CatalogEntry[]> {
    if (viewer.accountId === undefined) return [];
    const names = await metadata.stars.list(viewer.accountId, mostStars);
    const allowed = await Promise.all(names.map(async (name) => viewer.seesAll || (await viewer.mayPull(name))));
    return catalogEntries.listNamed(names.filter((_name, index) => allowed[index] === true));
  }

  /** Reads own and mirrored repositories in the order of their indexes, and merges them. */
  function walk(viewer: Viewer, request: ListRequest, compare: Compare): Rows<CatalogEntry, Position>['fetch'] {
    const { order, prefix, isMirrored } = request;
    const bounds = prefix === '' ? undefined : boundsOf(prefix);
    const origins = isMirrored === undefined ? [false, true] : [isMirrored];
    const read = async (origin: boolean, from: Position | undefined, isDescending: boolean, count: number) => {
      const found: CatalogEntry[] = [];
      for (let position = from; ;) {
        const limit = viewer.seesAll ? count : walkBatch;
        const rows = await catalogEntries.list({ order, isDescending, isMirrored: origin, from: position, bounds, limit });
        found.push(...(viewer.seesAll ? rows : await onlyVisible(viewer, rows)));
        const last = rows.at(-1);
        if (found.length >= count || rows.length < limit || !last) return found.slice(0, count);
        position = positionOf(order, last);
      }
    };
    return async (from, isReverse, count) => {
      const isDescending = isDescendingIn(request) !== isReverse;
      const lists = await Promise.all(origins.map((origin) => read(origin, from, isDescending, count)));
      const merged = lists.flat().sort((one, other) => (isReverse ? compare(other, one) : compare(one, other)));
      return merged.slice(0, count);
    };
  }

  async function countAll(viewer: Viewer, { prefix, isMirrored }: ListRequest): Promise<Total> {
    if (!viewer.seesAll) return { count: mostNames, isExact: false };
    const bounds = prefix === '' ? undefined : boundsOf(prefix);
    return totalOf(await catalogEntries.count({ bounds, isMirrored }, mostCounted + 1));
  }

  return {
    async list(viewer, request) {
      const compare = comparing(request);
      const small = await selectSmall(viewer, request);
      if (!small) {
        const page = await pageOf(request, { fetch: walk(viewer, request, compare), ...cursorsOf(request.order) });
        return { ...page, total: await countAll(viewer, request), namespaces: undefined };
      }
      const { prefix, isMirrored } = request;
      const rows = small.filter((row) => row.name.startsWith(prefix) && (isMirrored ?? row.isMirrored) === row.isMirrored);
      const page = await pageOf(request, {
        fetch: fetchFrom<CatalogEntry, Position>(rows, compare),
        ...cursorsOf(request.order),
      });
      return { ...page, total: totalOf(rows.length), namespaces: firstOf(countNamespaces(rows.map(({ name }) => name))) };
    },

    async namespaces(viewer) {
      const all = viewer.seesAll
        ? await catalogEntries.listNamespaces('', mostNamespaces + 1)
        : countNamespaces(await visibleNames(viewer, '', mostNames));
      return firstOf(all);
    },

    find: async (repository) => (await catalogEntries.listNamed([repository]))[0],
  };
}

/** Returns the first names that the viewer may list and that begin with the prefix. */
export async function visibleNames(
  viewer: Pick<Viewer, 'names'>,
  prefix: string,
  limit: number,
): Promise<readonly RepositoryName[]> {
  const bounds: NameBounds = prefix === '' ? { after: '', before: '~', natural: '' } : boundsOf(prefix);
  const names: RepositoryName[] = [];
  for await (const name of viewer.names(bounds.after)) {
    if (name >= bounds.before || names.length === limit) break;
    names.push(name);
  }
  return names;
}

async function onlyVisible(viewer: Viewer, rows: readonly CatalogEntry[]): Promise<readonly CatalogEntry[]> {
  const allowed = await Promise.all(rows.map(({ name }) => viewer.mayPull(name)));
  return rows.filter((_row, index) => allowed[index] === true);
}

function firstOf(all: readonly Namespace[]): NamespaceList {
  return { items: all.slice(0, mostNamespaces), more: all.length > mostNamespaces };
}

function countNamespaces(names: readonly string[]): readonly Namespace[] {
  const counts = new Map<string, number>();
  for (const name of names) {
    const end = name.indexOf('/');
    if (end > 0) counts.set(name.slice(0, end), (counts.get(name.slice(0, end)) ?? 0) + 1);
  }
  return [...counts]
    .map(([namespace, repositories]) => ({ namespace, repositories }))
    .sort((a, b) => (a.namespace < b.namespace ? -1 : 1));
}

const fields = {
  name: 'naturalName',
  pushed: 'pushedAt',
  pulled: 'pulledAt',
  size: 'sizeBytes',
  tags: 'tags',
} as const satisfies Record<keyof typeof entryKeys, keyof CatalogEntry>;

function positionOf(order: EntryOrder, row: CatalogEntry): Position {
  return { key: row[fields[order]], name: row.name };
}

function isDescendingIn({ order, isDescending = order !== 'name' }: ListRequest): boolean {
  return isDescending;
}

type Compare = (one: CatalogEntry | Position, other: CatalogEntry | Position) => number;

function comparing(request: ListRequest): Compare {
  const { order } = request;
  const sign = isDescendingIn(request) ? -1 : 1;
  const toPosition = (row: CatalogEntry | Position) => ('key' in row ? row : positionOf(order, row));
  return (one, other) => {
    const [a, b] = [toPosition(one), toPosition(other)];
    if (a.key !== b.key) return a.key < b.key ? -sign : sign;
    return a.name === b.name ? 0 : a.name < b.name ? -sign : sign;
  };
}

/** A cursor is the name of the row, and its key where the name does not have it. */
function cursorsOf(order: EntryOrder): Cursors {
  if (order === 'name') return { cursorOf: ({ name }) => name, parse: (name) => ({ key: naturalKey(name), name }) };
  return {
    cursorOf: (row) => `${row[fields[order]]}~${row.name}`,
    parse(cursor) {
      const [, key, name] = /^(\d{1,16})~([^~]+)$/.exec(cursor) ?? [];
      return key === undefined || name === undefined ? undefined : { key: Number(key), name };
    },
  };
}
