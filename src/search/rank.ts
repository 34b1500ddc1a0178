import type { Candidate } from '../../storage/metadata/queries/catalog/candidates.ts';

/** How a word matches a repository, the best first; undefined: it does not. */
function classOf({ name, description }: Candidate, word: string, hasTag: boolean): number | undefined {
  if (name.includes(word)) {
    const base = name.lastIndexOf('/') + 1;
    if (name.length === word.length) return 0;
    const isAtBase = name.startsWith(word, base);
    if (isAtBase && name.length === base + word.length) return 1;
    return isAtBase || name.startsWith(word) ? 2 : 3;
  }
  if (hasTag) return 4;
  return description?.toLowerCase().includes(word) === true ? 5 : undefined;
}

/** Ids of the repositories that have a tag of the name, by the word. */
export type TagMatches = ReadonlyMap<string, ReadonlySet<number>>;

/** A repository that every word matches. */
export interface Ranked {
  readonly candidate: Candidate;
  /** The smaller the better. */
  readonly rank: number;
}

/** Keeps the repositories that every word matches. */
export function rankCandidates(candidates: readonly Candidate[], words: readonly string[], tags: TagMatches): readonly Ranked[] {
  const ranked: Ranked[] = [];
  for (const candidate of candidates) {
    const rank = rankOf(candidate, words, tags);
    if (rank !== undefined) ranked.push({ candidate, rank });
  }
  return ranked;
}

function rankOf(candidate: Candidate, words: readonly string[], tags: TagMatches): number | undefined {
  let rank = 0;
  for (const word of words) {
    const matched = classOf(candidate, word, tags.get(word)?.has(candidate.repositoryId) ?? false);
    if (matched === undefined) return undefined;
    rank += matched;
  }
  return rank;
}

/** The best match first, own before mirrored, then by stars, recent pulls and names. */
function compare({ candidate: one, rank: a }: Ranked, { candidate: other, rank: b }: Ranked): number {
  return (
    a - b ||
    one.isMirrored - other.isMirrored ||
    other.stars - one.stars ||
    other.pulledAt - one.pulledAt ||
    (one.name < other.name ? -1 : 1)
  );
}

/** Returns the best `count` in order. Keeps only so many sorted, because a page shows few of what is found. */
export function bestOf(ranked: readonly Ranked[], count: number): readonly Candidate[] {
  const best: Ranked[] = [];
  for (const one of ranked) {
    const last = best.at(-1);
    if (last !== undefined && best.length === count && compare(one, last) > 0) continue;
    let [low, high] = [0, best.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compare(one, best[middle] ?? one) > 0) low = middle + 1;
      else high = middle;
    }
    best.splice(low, 0, one);
    if (best.length > count) best.pop();
  }
  return best.map(({ candidate }) => candidate);
}

/** True if the word is in the name or the description. */
export function matchesText({ name, description }: Candidate, word: string): boolean {
  return name.includes(word) || description?.toLowerCase().includes(word) === true;
}
