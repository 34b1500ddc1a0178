import { pathOf } from '../index/entry-key.ts';
import type { Entry } from '../index/entry.ts';
import { type LayerShare, changeKinds } from '../index/image-head.ts';
import type { IndexWriter } from '../index/index-writer.ts';
import type { MergedPath } from './merge-path.ts';

/** Sums up one layer. Its entries must come in the order of its index. */
export function createShare(entries: number) {
  const changes = Buffer.alloc(Math.ceil(entries / 4));
  const counts = { added: 0, changed: 0, deleted: 0, none: 0 };
  let totalBytes = 0;
  let hiddenBytes = 0;
  let position = 0;
  return {
    add(entry: Entry, change: MergedPath['entries'][number]['change'], isHidden: boolean) {
      totalBytes += entry.sizeBytes;
      if (isHidden) hiddenBytes += entry.sizeBytes;
      // The root is in every layer.
      if (pathOf(entry) !== '') counts[change]++;
      const byte = position >> 2;
      changes[byte] = (changes[byte] ?? 0) | (changeKinds.indexOf(change) << (2 * (position & 3)));
      position++;
    },
    async finish(writer: IndexWriter): Promise<LayerShare> {
      const { added, changed, deleted } = counts;
      return { totalBytes, hiddenBytes, added, changed, deleted, changes: await writer.section(changes) };
    },
  };
}
