import { createBiggest } from '../index/biggest.ts';
import { type Entry, compareKeys, pathOf } from '../index/entry.ts';
import type { ImageHead } from '../index/head.ts';
import type { StoredIndex } from '../store/index-store.ts';

/** A path that two images have differently. */
export interface ChangedFile {
  readonly path: string;
  /** Undefined if only the other image has it. */
  readonly from: Entry | undefined;
  readonly to: Entry | undefined;
  /** Bytes of the larger content, 0 if the content is the same. */
  readonly bytes: number;
}

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
    const change = compare(one, other);
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

/** Calls `visit` with the entries of both by path; undefined where one has none. Waits only at the end of a frame. */
async function walkPairs(
  from: AsyncGenerator<readonly Entry[]>,
  to: AsyncGenerator<readonly Entry[]>,
  visit: (from: Entry | undefined, to: Entry | undefined) => void,
): Promise<void> {
  const [one, other] = [createCursor(from), createCursor(to)];
  for (;;) {
    await Promise.all([one.refill(), other.refill()]);
    if (!one.peek() && !other.peek()) return;
    // Neither may be empty while more of its frames follow: the next entry could be in one of them.
    while (!one.needsFrame() && !other.needsFrame()) {
      const [left, right] = [one.peek(), other.peek()];
      if (!left && !right) return;
      const order = !left ? 1 : !right ? -1 : compareKeys(left, right);
      visit(order <= 0 ? left : undefined, order >= 0 ? right : undefined);
      if (order <= 0) one.advance();
      if (order >= 0) other.advance();
    }
  }
}

function createCursor(frames: AsyncGenerator<readonly Entry[]>) {
  let current: readonly Entry[] = [];
  let position = 0;
  let hasMore = true;
  const needsFrame = () => hasMore && position >= current.length;
  return {
    needsFrame,
    async refill() {
      while (needsFrame()) {
        const next = await frames.next();
        hasMore = next.done !== true;
        current = next.done === true ? [] : next.value;
        position = 0;
      }
    },
    peek: () => current[position],
    advance() {
      position++;
    },
  };
}

function compare(from: Entry | undefined, to: Entry | undefined): ChangedFile | undefined {
  const known = from ?? to;
  if (!known) return undefined;
  const hasSameContent = from?.sha256 === to?.sha256 && from?.type === to?.type && from?.link === to?.link;
  if (hasSameContent && hasSameOwner(from, to)) return undefined;
  const bytes = hasSameContent ? 0 : Math.max(from?.sizeBytes ?? 0, to?.sizeBytes ?? 0);
  return { path: pathOf(known), from, to, bytes };
}

function hasSameOwner(from: Entry | undefined, to: Entry | undefined): boolean {
  // Nothing is known about a directory that no archive describes.
  if (from?.isImplied || to?.isImplied) return true;
  return from?.mode === to?.mode && from?.uid === to?.uid && from?.gid === to?.gid;
}
