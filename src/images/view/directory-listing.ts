import { type Entry, compareKeys, keyOf } from '../index/entry.ts';
import { frameEntries } from '../index/frame.ts';
import type { ImageHead, LayerHead } from '../index/head.ts';
import type { StoredIndex } from '../store/index-store.ts';

/** An entry, and its position among all entries of the index. */
export interface PlacedEntry {
  readonly entry: Entry;
  readonly position: number;
}

/** A part of a directory, ascending by name. */
export interface DirectoryPage {
  readonly entries: readonly PlacedEntry[];
  /** The last name of the page, if more follow. */
  readonly next: string | undefined;
}

type FileIndex = StoredIndex<LayerHead | ImageHead>;

/**
 * Lists the entries of a directory after a name: at most `limit` (1–900) of them, or one more if it is the other half of a
 * whiteout and an entry of the same name. Reads at most two frames. Empty also if the directory does not exist.
 */
export async function listDirectory(index: FileIndex, directory: string, after: string, limit: number): Promise<DirectoryPage> {
  const found: PlacedEntry[] = [];
  const { frames } = index.head;
  let hasMore = false;
  for (
    let number = frameOf(index, { directory, name: after }), isFirst = true;
    number < frames.length;
    number++, isFirst = false
  ) {
    const isInside = isFirst || frames[number]?.directory === directory;
    hasMore = isInside && found.length > limit;
    if (!isInside || hasMore) break;
    const entries = await index.frame(number);
    for (const [offset, entry] of entries.entries()) {
      const isListed = entry.directory === directory && entry.name > after && entry.type !== 'opaque';
      if (isListed) found.push({ entry, position: number * frameEntries + offset });
    }
  }
  const last = found[limit - 1]?.entry.name;
  const page = found.filter(({ entry }, place) => place < limit || entry.name === last);
  return { entries: page, next: hasMore || page.length < found.length ? last : undefined };
}

/** Returns the entries of a path: of a layer perhaps a whiteout and another one. Reads at most two frames. */
export async function findPath(index: FileIndex, path: string): Promise<readonly Entry[]> {
  const key = keyOf(path);
  const found: Entry[] = [];
  const first = frameOf(index, key);
  for (let number = first; number < index.head.frames.length; number++) {
    const place = index.head.frames[number];
    if (number > first && place && compareKeys(place, key) > 0) break;
    found.push(...(await index.frame(number)).filter((entry) => compareKeys(entry, key) === 0));
  }
  return found;
}

/** True for a directory and those below it. */
export function isBelow(directory: string, top: string): boolean {
  return top === '' || directory === top || directory.startsWith(`${top}/`);
}

/** Returns the number of the last frame that begins before the key: entries of the key itself may begin at its end. */
export function frameOf({ head }: FileIndex, key: { readonly directory: string; readonly name: string }): number {
  let low = 0;
  let high = head.frames.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    const place = head.frames[middle];
    if (place && compareKeys(place, key) < 0) low = middle;
    else high = middle - 1;
  }
  return low;
}
