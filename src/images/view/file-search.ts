import { compareKeys, keyOf, pathOf } from '../index/entry-key.ts';
import type { Entry } from '../index/entry.ts';
import { frameEntries } from '../index/frame.ts';
import type { PlacedEntry } from './directory-listing.ts';
import { type FileIndex, frameOf, isBehind, isBelow } from './find-path.ts';

/** Frames that one search reads: 50,000 entries. */
const maxFrames = 50;

/** A part of the result of a search. */
export interface FoundPage {
  /** Ascending by directory and name. */
  readonly entries: readonly PlacedEntry[];
  /** The path to continue after; undefined at the end. */
  readonly next: string | undefined;
}

/**
 * Finds entries below a directory whose name contains a text, in any case, after a path: at most `limit`, perhaps none although
 * more follow. Reads at most 50 frames.
 */
export async function searchNames(
  index: FileIndex,
  directory: string,
  text: string,
  after: string,
  limit: number,
): Promise<FoundPage> {
  const wanted = text.toLowerCase();
  const found: PlacedEntry[] = [];
  const { frames } = index.head;
  const begin = after === '' ? { directory, name: '' } : keyOf(after);
  const first = frameOf(index, begin);
  let read: Entry | undefined;
  for (let number = first; number < frames.length; number++) {
    const place = frames[number];
    if (number > first && place && isBehind(place.directory, directory)) break;
    if (number - first >= maxFrames && read) return { entries: found, next: pathOf(read) };
    const entries = await index.frame(number);
    read = entries.at(-1);
    for (const [offset, entry] of entries.entries()) {
      const isFound =
        isBelow(entry.directory, directory) &&
        entry.type !== 'opaque' &&
        entry.name.toLowerCase().includes(wanted) &&
        entry.name !== '' &&
        compareKeys(entry, begin) > 0;
      if (!isFound) continue;
      const last = found.at(-1)?.entry;
      if (found.length >= limit && last && compareKeys(last, entry) < 0) return { entries: found, next: pathOf(last) };
      found.push({ entry, position: number * frameEntries + offset });
    }
  }
  return { entries: found, next: undefined };
}
