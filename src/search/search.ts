import type { MetadataStore } from '../../storage/metadata/store.ts';
import type { Candidate } from '../../storage/metadata/queries/catalog/candidates.ts';
import type { Total } from '../catalog/paging.ts';
import { type CatalogEntry, type Viewer, mostNames, visibleNames } from '../catalog/repository-lists.ts';
import { parseDigest } from '../oci/digest.ts';
import { type Reference, type RepositoryName, parseNamedReference } from '../oci/reference.ts';
import { type Candidates, findCandidates } from './candidates.ts';
import { type Facets, ageLimits, countFacets } from './facets.ts';
import { type SearchQuery, parseQuery } from './query.ts';
import { type TagMatches, bestOf, matchesText, rankCandidates } from './rank.ts';

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

type Known = Candidates['known'];

type Metadata = Pick<MetadataStore, 'catalogCandidates' | 'catalogEntries' | 'catalogSearch' | 'manifests'>;

/** `now`: milliseconds since 1970. */
export function createSearch(metadata: Metadata, now: () => number): Search {
  const { catalogCandidates, catalogEntries, catalogSearch } = metadata;

  /** Finds out which repositories have a tag that is a word of the query. */
  async function tagMatches(items: readonly Candidate[], words: readonly string[], known: Known): Promise<TagMatches> {
    const found = new Map<string, ReadonlySet<number>>();
    for (const word of words) {
      const tagged = known.word?.[0] === word ? known.word[1] : new Set<number>();
      const others = idsOf(items.filter((item) => !tagged.has(item.repositoryId) && !matchesText(item, word)));
      const more = others.length === 0 ? [] : await catalogSearch.filterByTag(others, { text: word, isBeginning: false });
      found.set(word, more.length === 0 ? tagged : new Set([...tagged, ...more]));
    }
    return found;
  }

  /** Keeps the repositories that the filters of the query name. */
  async function filter(items: readonly Candidate[], query: SearchQuery, known: Known): Promise<readonly Candidate[]> {
    const time = now();
    let left = items.filter((item) => matchesFields(item, query, time));
    const keep = (ids: readonly number[]) => {
      const kept = new Set(ids);
      left = left.filter(({ repositoryId }) => kept.has(repositoryId));
    };
    if (query.tag && known.tag !== true) keep(await catalogSearch.filterByTag(idsOf(left), query.tag));
    if (query.digest !== undefined && known.digest !== true) {
      const names = left.map(({ name }) => name);
      const found = new Set((await catalogSearch.filterByDigest(names, query.digest)).map(({ repository }) => repository));
      left = left.filter(({ name }) => found.has(name));
    }
    if (query.labels.length > 0) {
      const found = await catalogSearch.listLabels(idsOf(left));
      keep(found.flatMap(({ repositoryId, labels }) => (hasLabels(labels, query.labels) ? repositoryId : [])));
    }
    return left;
  }

  /** Loads what a list shows of the repositories, in their order. */
  async function load(items: readonly Candidate[]): Promise<readonly CatalogEntry[]> {
    const entries = new Map((await catalogEntries.listNamed(items.map(({ name }) => name))).map((entry) => [entry.name, entry]));
    return items.flatMap(({ name }) => entries.get(name) ?? []);
  }

  return {
    async find(viewer, text, { offset, limit }) {
      const query = parseQuery(text);
      const { items, known, hasMore } = await findCandidates(catalogCandidates, viewer, query);
      const filtered = await filter(items, query, known);
      const found = rankCandidates(filtered, query.words, await tagMatches(filtered, query.words, known));
      return {
        items: await load(bestOf(found, offset + limit).slice(offset)),
        total: { count: found.length, isExact: !hasMore },
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

const idsOf = (items: readonly Candidate[]) => items.map(({ repositoryId }) => repositoryId);

function matchesFields(item: Candidate, query: SearchQuery, now: number): boolean {
  const { name, namespace, platform, kind, isSigned, age } = query;
  if (name !== undefined && !item.name.includes(name)) return false;
  if (namespace !== undefined && !item.name.startsWith(`${namespace}/`)) return false;
  if (platform !== undefined && !platformsOf(item).some((one) => one === platform || one.split('/')[1] === platform))
    return false;
  if (kind !== undefined && !item.facts.startsWith(`${kind} `)) return false;
  if (isSigned !== undefined && (item.isSigned === 1) !== isSigned) return false;
  return age === undefined || now - item.pushedAt <= ageLimits[age];
}

const platformsOf = ({ facts }: Candidate) => facts.split(' ').slice(1);

/** `labels`: JSON object. A label without a wanted value only has to be there. */
function hasLabels(labels: string, wanted: SearchQuery['labels']): boolean {
  const found = JSON.parse(labels) as Readonly<Record<string, string>>;
  return wanted.every(({ key, value }) => Object.hasOwn(found, key) && (value === undefined || found[key] === value));
}
