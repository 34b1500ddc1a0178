import type { Entry } from '../index/entry.ts';

/** How the entries of a directory are ordered: largest first (a directory counts what is below it), or newest first. */
export const fileOrders = ['size', 'time'] as const;

export type FileOrder = (typeof fileOrders)[number];

/** Entries of a directory that are sorted on request: more would hold up other requests. */
export const maxSorted = 5000;

/** Sorts entries of a directory; those that are equal keep their order by name. */
export function sortEntries<Item extends { readonly entry: Entry }>(items: readonly Item[], order: FileOrder): readonly Item[] {
  const numberOf = ({ entry }: Item) =>
    order === 'time' ? entry.mtime : entry.type === 'directory' ? entry.bytes : entry.sizeBytes;
  return [...items].sort((one, other) => numberOf(other) - numberOf(one));
}
