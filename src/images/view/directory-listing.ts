import type { Entry } from '../index/entry.ts';
import { frameEntries } from '../index/frame.ts';
import { type FileIndex, frameOf } from './find-path.ts';

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
