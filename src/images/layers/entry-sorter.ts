import { compareEntries } from '../index/entry-key.ts';
import type { Entry } from '../index/entry.ts';
import { decodeFrameSync, encodeFrame } from '../index/frame.ts';
import { mergeSorted } from '../index/merge-sorted.ts';

/** Sorts the entries of an archive in little memory: sorted runs are kept compressed. */
export interface EntrySorter {
  add(entry: Entry): void;
  /** Approximate memory, in bytes. */
  heldBytes(): number;
  /** Yields the entries in the order of an index; of a path that the archive has twice, the last. May be called again. */
  sorted(): Iterable<Entry>;
}

/** Entries and approximate bytes of a run. */
const runEntries = 16_384;
const runBytes = 8 * 1024 * 1024;
/** Memory of an entry in addition to its texts. */
const entryBytes = 250;
/** Entries of a block of a run: the blocks of all runs are in memory while they are merged. */
const blockEntries = 250;

export function createEntrySorter(): EntrySorter {
  const runs: (readonly Buffer[])[] = [];
  let current: Entry[] = [];
  let currentBytes = 0;
  let storedBytes = 0;

  function store(): void {
    const sorted = current.sort(compareEntries);
    const blocks: Buffer[] = [];
    for (let start = 0; start < sorted.length; start += blockEntries) {
      // A copy: a buffer of zlib may be a part of a larger one.
      const block = Buffer.from(encodeFrame(sorted.slice(start, start + blockEntries)));
      blocks.push(block);
      storedBytes += block.length;
    }
    runs.push(blocks);
    current = [];
    currentBytes = 0;
  }

  function* read(blocks: readonly Buffer[]): Generator<Entry> {
    for (const block of blocks) yield* decodeFrameSync(block);
  }

  return {
    add(entry) {
      current.push(entry);
      currentBytes += entryBytes + 2 * (entry.directory.length + entry.name.length + entry.link.length);
      if (current.length >= runEntries || currentBytes >= runBytes) store();
    },
    heldBytes: () => storedBytes + currentBytes,
    *sorted() {
      if (current.length > 0) store();
      for (const equal of mergeSorted(runs.map(read), compareEntries)) {
        const last = equal.at(-1);
        if (last) yield last.value;
      }
    },
  };
}
