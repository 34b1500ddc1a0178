import { createBiggest } from '../index/biggest.ts';
import type { Entry } from '../index/entry.ts';
import type { ImageHead } from '../index/image-head.ts';
import type { StoredIndex } from '../store/index-store.ts';
import { type ChangedFile, compareFiles } from './changed-file.ts';
import { walkPairs } from './walk-pairs.ts';

/** How the merged views of two images differ. Times of files do not count: each build has its own. */
export interface FileDiff {
  readonly added: number;
  readonly removed: number;
  readonly changed: number;
  /** Sum of the sizes of the files of each image that the other does not have in the same form. */
  readonly addedBytes: number;
  readonly removedBytes: number;
  /** The paths with the largest changes, largest first, then by path. */
  readonly files: readonly ChangedFile[];
}

type ImageIndex = StoredIndex<ImageHead>;

/** Compares two images, one frame of each at a time. `limit`: how many files the result lists. */
export async function diffFiles(from: ImageIndex, to: ImageIndex, limit: number): Promise<FileDiff> {
  const counts = { added: 0, removed: 0, changed: 0, addedBytes: 0, removedBytes: 0 };
  const biggest = createBiggest<ChangedFile>(limit, ({ bytes }) => bytes);
  if (from.digest === to.digest) return { ...counts, files: [] };
  await walkPairs(readEntries(from), readEntries(to), (one, other) => {
    const change = compareFiles(one, other);
    if (!change) return;
    biggest.add(change);
    if (one && other) counts.changed++;
    else if (other) counts.added++;
    else counts.removed++;
    counts.addedBytes += change.bytes > 0 ? (other?.sizeBytes ?? 0) : 0;
    counts.removedBytes += change.bytes > 0 ? (one?.sizeBytes ?? 0) : 0;
  });
  return { ...counts, files: biggest.list() };
}

async function* readEntries(index: ImageIndex): AsyncGenerator<readonly Entry[]> {
  for (const number of index.head.frames.keys()) yield await index.frame(number);
}
