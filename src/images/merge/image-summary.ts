import { createBiggest } from '../index/biggest.ts';
import { createTotalsCollector } from '../index/directory-totals.ts';
import { pathOf } from '../index/entry-key.ts';
import type { Entry } from '../index/entry.ts';
import type { ImageHead, LayerShare, WastedPath } from '../index/image-head.ts';
import type { IndexWriter } from '../index/index-writer.ts';
import { biggestFiles } from '../layers/build-layer.ts';
import { createShare } from './layer-share.ts';
import type { MergedPath } from './merge-path.ts';

/** A layer of the image, as its index has it. */
export interface MergedLayer {
  readonly entries: number;
  /** Sizes of its frames, in their order. */
  readonly frameBytes: readonly number[];
  /** Paths of its lists of packages. */
  readonly packagePaths: readonly string[];
}

/** How many of the paths with the most wasted bytes an index lists. */
const wastedPaths = 200;

/** Sums up what the layers add to the image. */
export function createSummary(layers: readonly MergedLayer[]) {
  const totals = createTotalsCollector();
  const biggest = createBiggest<Entry>(biggestFiles, ({ sizeBytes }) => sizeBytes);
  const wasted = createBiggest<WastedPath>(wastedPaths, ({ bytes }) => bytes);
  const packagePaths = layers.map((layer) => new Set(layer.packagePaths));
  const packageFiles: { layer: number; path: string }[] = [];
  const shares = layers.map(({ entries }) => createShare(entries));
  let visibleEntries = 0;

  function addVisible(entry: Entry): void {
    visibleEntries++;
    totals.add(entry);
    if (entry.type !== 'file') return;
    biggest.add(entry);
    const path = pathOf(entry);
    if (packagePaths[entry.layer]?.has(path)) packageFiles.push({ layer: entry.layer, path });
  }

  return {
    totals,
    add({ visible, entries }: MergedPath) {
      if (visible) addVisible(visible);
      let hiddenBytes = 0;
      let copies = 0;
      for (const { entry, layer, change } of entries) {
        const isHidden = layer !== visible?.layer || entry.type === 'whiteout';
        shares[layer]?.add(entry, change, isHidden);
        if (entry.type === 'file') copies++;
        if (isHidden) hiddenBytes += entry.sizeBytes;
      }
      const [first] = entries;
      if (hiddenBytes > 0 && first) wasted.add({ path: pathOf(first.entry), bytes: hiddenBytes, copies });
    },
    async finish(writer: IndexWriter): Promise<Omit<ImageHead, 'kind' | 'frames'>> {
      const finished: LayerShare[] = [];
      for (const share of shares) finished.push(await share.finish(writer));
      return {
        entries: visibleEntries,
        biggest: biggest.list(),
        wasted: wasted.list(),
        layers: finished,
        packageFiles,
      };
    },
  };
}
