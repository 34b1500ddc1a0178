import type { Candidate } from '../../storage/metadata/queries/catalog/candidates.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import { boundsOf } from '../catalog/natural.ts';
import { type Viewer, mostNames, visibleNames } from '../catalog/repository-lists.ts';
import type { SearchQuery } from './query.ts';

/** Repositories that a search ranks. */
export interface Candidates {
  /** The viewer may pull all of them. */
  readonly items: readonly Candidate[];
  /** True if there may be more that match. */
  readonly hasMore: boolean;
  /** Ids of candidates that have the tag of the query, or its digest, or the word as a tag: they need no second look. */
  readonly known: { readonly tag?: true; readonly digest?: true; readonly word?: readonly [string, ReadonlySet<number>] };
}

/** Largest number of repositories that a search ranks: more would cost more than all the rest of the view. */
const maxCandidates = 500;

type Known = Candidates['known'];

/** Returns repositories that may match the query, all of which the viewer may pull. */
export async function findCandidates(
  candidates: MetadataStore['catalogCandidates'],
  viewer: Viewer,
  query: SearchQuery,
): Promise<Candidates> {
  if (!viewer.seesAll) {
    const prefix = query.namespace === undefined ? '' : `${query.namespace}/`;
    const names = await visibleNames(viewer, prefix, mostNames + 1);
    if (names.length <= mostNames) {
      return { items: await candidates.listNamed(query.words, names), hasMore: false, known: {} };
    }
  }
  const found = await fromIndexes(candidates, query);
  if (viewer.seesAll) return found;
  const allowed = await Promise.all(found.items.map(({ name }) => viewer.mayPull(name)));
  return { ...found, items: found.items.filter((_item, index) => allowed[index] === true) };
}

/** Reads the index of the part of the query that few repositories have. */
async function fromIndexes(candidates: MetadataStore['catalogCandidates'], query: SearchQuery): Promise<Candidates> {
  const { words, digest, tag, namespace } = query;
  const [word] = [...words, ...(query.name === undefined ? [] : [query.name])].sort((a, b) => b.length - a.length);
  if (digest !== undefined) return allOf(await candidates.listWithDigest(words, digest, maxCandidates), { digest: true });
  if (word !== undefined) return withWord(candidates, words, word);
  if (tag) return allOf(await candidates.listWithTag(words, tag, maxCandidates), { tag: true });
  if (namespace !== undefined) return allOf(await candidates.listBetween(words, boundsOf(`${namespace}/`), maxCandidates));
  const [own = [], mirrored = []] = await Promise.all(
    [false, true].map((isMirrored) => candidates.listPushed(isMirrored, maxCandidates)),
  );
  return allOf([...own, ...mirrored].slice(0, maxCandidates));
}

/** `found`: what one query found, each repository at least once. */
function allOf(found: readonly Candidate[], known: Known = {}): Candidates {
  const items = [...new Map(found.map((item) => [item.repositoryId, item])).values()];
  return { items, hasMore: found.length >= maxCandidates, known };
}

/** Reads better matches first, and ends with as many as are ranked. */
async function withWord(
  candidates: MetadataStore['catalogCandidates'],
  words: readonly string[],
  word: string,
): Promise<Candidates> {
  const found: Candidate[] = [];
  const tagged = new Set<number>();
  const tag = { text: word, isBeginning: false };
  for (const list of [
    () => candidates.listByLastComponent(words, word, maxCandidates),
    () => candidates.listByBeginning(words, word, maxCandidates),
    async () => {
      const withTag = await candidates.listWithTag(words, tag, maxCandidates);
      for (const { repositoryId } of withTag) tagged.add(repositoryId);
      return withTag;
    },
    () => candidates.listContaining(words, word, maxCandidates),
  ]) {
    if (found.length < maxCandidates) found.push(...(await list()));
  }
  return allOf(found, { word: [word, tagged] });
}
