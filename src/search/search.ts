import type { MetadataStore } from '../../storage/metadata/store.ts';
import { boundsOf } from '../catalog/natural.ts';
import type { Total } from '../catalog/paging.ts';
import { type CatalogEntry, type Viewer, mostNames, visibleNames } from '../catalog/repository-lists.ts';
import { parseDigest } from '../oci/digest.ts';
import { type Reference, type RepositoryName, parseNamedReference } from '../oci/reference.ts';
import { type Facets, ageLimits, countFacets } from './facets.ts';
import { type SearchQuery, parseQuery } from './query.ts';
import { type TagMatches, matchesText, rankEntries } from './rank.ts';

export interface SearchResult {
  /** The best match first. */
  readonly items: readonly CatalogEntry[];
  /** How many were found. Not exact if there may be more than were ranked. */
  readonly total: Total;
  /** Of all that were found. */
  readonly facets: Facets;
}

/** An image that a text names. */
export interface NamedImage {
  readonly repository: RepositoryName;
  readonly reference: Reference;
}

/** Finds repositories that the viewer may pull. Others influence neither results nor counts. */
export interface Search {
  /** Returns `limit` repositories after the first `offset`. See `parseQuery` for the text. */
  find(viewer: Viewer, text: string, page: { readonly offset: number; readonly limit: number }): Promise<SearchResult>;
  /** Returns the image if the text is its reference or digest. `host`: of this server, in front of a reference. */
  locate(viewer: Viewer, text: string, host: string): Promise<NamedImage | undefined>;
}

/** Largest number of repositories that a search ranks: it must not slow down pulls. */
const maxCandidates = 2000;
const mostBeginnings = 500;

type Metadata = Pick<MetadataStore, 'catalogEntries' | 'catalogSearch' | 'manifests'>;

/** `now`: milliseconds since 1970. */
export function createSearch(metadata: Metadata, now: () => number): Search {
  const { catalogEntries, catalogSearch } = metadata;

  /** Returns repositories that may match, all of which the viewer may pull. */
  async function candidates(viewer: Viewer, query: SearchQuery): Promise<readonly CatalogEntry[]> {
    if (!viewer.seesAll) {
      const prefix = query.namespace === undefined ? '' : `${query.namespace}/`;
      const names = await visibleNames(viewer, prefix, mostNames + 1);
      if (names.length <= mostNames) return catalogEntries.listNamed(names);
    }
    const found = await fromIndexes(query);
    if (viewer.seesAll) return found;
    const allowed = await Promise.all(found.map(({ name }) => viewer.mayPull(name)));
    return found.filter((_entry, index) => allowed[index] === true);
  }

  /** Reads the index of the part of the query that few repositories have. */
  async function fromIndexes(query: SearchQuery): Promise<readonly CatalogEntry[]> {
    const { digest, tag, namespace } = query;
    const [word] = [...query.words, ...(query.name === undefined ? [] : [query.name])].sort((a, b) => b.length - a.length);
    if (digest !== undefined) {
      const found = await catalogSearch.listByDigest(digest, maxCandidates);
      return catalogEntries.listNamed([...new Set(found.map(({ repository }) => repository))]);
    }
    if (word !== undefined) return withWord(word);
    if (tag) return catalogEntries.listNamed(await catalogSearch.listWithTag(tag, maxCandidates));
    if (namespace !== undefined) return catalogEntries.listBetween(boundsOf(`${namespace}/`), maxCandidates);
    const page = { order: 'pushed', isDescending: true, from: undefined, bounds: undefined, limit: maxCandidates } as const;
    const [own, mirrored] = await Promise.all([false, true].map((isMirrored) => catalogEntries.list({ ...page, isMirrored })));
    return [...(own ?? []), ...(mirrored ?? [])].slice(0, maxCandidates);
  }

  async function withWord(word: string): Promise<readonly CatalogEntry[]> {
    const lists = await Promise.all([
      catalogSearch.listByBeginning(word, mostBeginnings),
      catalogSearch.listWithTag({ text: word, isBeginning: false }, mostBeginnings),
      catalogSearch.listContaining(word, maxCandidates),
    ]);
    return catalogEntries.listNamed([...new Set(lists.flat())].slice(0, maxCandidates));
  }

  /** Finds out which repositories have a tag that is a word of the query. */
  async function tagMatches(entries: readonly CatalogEntry[], words: readonly string[]): Promise<TagMatches> {
    const found = new Map<string, ReadonlySet<string>>();
    for (const word of words) {
      const others = entries.filter((entry) => !matchesText(entry, word)).map(({ name }) => name);
      found.set(word, new Set(await catalogSearch.filterByTag(others, { text: word, isBeginning: false })));
    }
    return found;
  }

  /** Keeps the repositories that the filters of the query name. */
  async function filter(entries: readonly CatalogEntry[], query: SearchQuery): Promise<readonly CatalogEntry[]> {
    let left = entries.filter((entry) => matchesFields(entry, query, now()));
    const keep = (names: readonly string[]) => {
      const kept = new Set(names);
      left = left.filter(({ name }) => kept.has(name));
    };
    const names = () => left.map(({ name }) => name);
    if (query.tag) keep(await catalogSearch.filterByTag(names(), query.tag));
    if (query.digest !== undefined) {
      const found = await catalogSearch.filterByDigest(names(), query.digest);
      keep(found.map(({ repository }) => repository));
    }
    if (query.labels.length > 0) {
      const found = await catalogSearch.listLabels(names());
      keep(found.filter(({ labels }) => hasLabels(labels, query.labels)).map(({ name }) => name));
    }
    return left;
  }

  return {
    async find(viewer, text, { offset, limit }) {
      const query = parseQuery(text);
      const possible = await candidates(viewer, query);
      const filtered = await filter(possible, query);
      const found = rankEntries(filtered, query.words, await tagMatches(filtered, query.words));
      return {
        items: found.slice(offset, offset + limit),
        total: { count: found.length, isExact: possible.length < maxCandidates },
        facets: countFacets(found, now()),
      };
    },

    async locate(viewer, text, host) {
      const trimmed = text.trim();
      const digest = parseDigest(trimmed);
      if (digest !== undefined) {
        const found = viewer.seesAll
          ? await catalogSearch.listByDigest(digest, 1)
          : await catalogSearch.filterByDigest(await visibleNames(viewer, '', mostNames), digest);
        const [first] = found;
        return first && { repository: first.repository, reference: { digest } };
      }
      const name = trimmed.startsWith(`${host}/`) ? trimmed.slice(host.length + 1) : trimmed;
      const image = /[:@]/.test(name) ? parseNamedReference(name) : undefined;
      if (!image || !(viewer.seesAll || (await viewer.mayPull(image.repository)))) return undefined;
      const { repository, reference } = image;
      const found =
        'digest' in reference
          ? await metadata.manifests.findByDigest(repository, reference.digest)
          : await metadata.manifests.findByTag(repository, reference.tag);
      return found && image;
    },
  };
}

function matchesFields(entry: CatalogEntry, query: SearchQuery, now: number): boolean {
  const { name, namespace, platform, kind, isSigned, age } = query;
  if (name !== undefined && !entry.name.includes(name)) return false;
  if (namespace !== undefined && !entry.name.startsWith(`${namespace}/`)) return false;
  if (platform !== undefined && !entry.platforms.split(' ').some((one) => one === platform || one.split('/')[1] === platform))
    return false;
  if (kind !== undefined && entry.kind !== kind) return false;
  if (isSigned !== undefined && entry.isSigned !== isSigned) return false;
  return age === undefined || now - entry.pushedAt <= ageLimits[age];
}

/** `labels`: JSON object. A label without a wanted value only has to be there. */
function hasLabels(labels: string, wanted: SearchQuery['labels']): boolean {
  const found = JSON.parse(labels) as Readonly<Record<string, string>>;
  return wanted.every(({ key, value }) => Object.hasOwn(found, key) && (value === undefined || found[key] === value));
}
