import type { CatalogEntry } from '../catalog/repository-lists.ts';

/** How a word matches a repository, the best first; undefined: it does not. */
function classOf({ name, description }: CatalogEntry, word: string, hasTag: boolean): number | undefined {
  const base = name.slice(name.lastIndexOf('/') + 1);
  if (name === word) return 0;
  if (base === word) return 1;
  if (name.startsWith(word) || base.startsWith(word)) return 2;
  if (name.includes(word)) return 3;
  if (hasTag) return 4;
  return description.toLowerCase().includes(word) ? 5 : undefined;
}

/** Repositories that have a tag of the name, by the word. */
export type TagMatches = ReadonlyMap<string, ReadonlySet<string>>;

/** Keeps the repositories that every word matches, and sorts them: the best match, own before mirrored, stars, recent pulls. */
export function rankEntries(
  entries: readonly CatalogEntry[],
  words: readonly string[],
  tags: TagMatches,
): readonly CatalogEntry[] {
  const ranked = entries.flatMap((entry) => {
    let rank = 0;
    for (const word of words) {
      const matched = classOf(entry, word, tags.get(word)?.has(entry.name) ?? false);
      if (matched === undefined) return [];
      rank += matched;
    }
    return { entry, rank };
  });
  ranked.sort(
    ({ entry: one, rank: a }, { entry: other, rank: b }) =>
      a - b ||
      Number(one.isMirrored) - Number(other.isMirrored) ||
      other.stars - one.stars ||
      other.pulledAt - one.pulledAt ||
      (one.name < other.name ? -1 : 1),
  );
  return ranked.map(({ entry }) => entry);
}

/** True if the word is in the name or the description. */
export function matchesText({ name, description }: CatalogEntry, word: string): boolean {
  return name.includes(word) || description.toLowerCase().includes(word);
}
