import { createBiggest } from '../index/biggest.ts';
import { createTotalsCollector } from '../index/directory-totals.ts';
import { type Entry, pathOf } from '../index/entry.ts';
import { decodeFrameSync } from '../index/frame.ts';
import { type ImageHead, type LayerShare, type WastedPath, changeKinds } from '../index/head.ts';
import type { IndexWriter } from '../index/index-writer.ts';
import { biggestFiles } from '../layers/build-layer.ts';
import { LimitExceeded, type Limits } from '../layers/limits.ts';
import { type MergedPath, mergeLayers } from './merge-layers.ts';

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
/** Paths between two looks at the memory. */
const checkEvery = 1000;

/**
 * Reads the indexes of layers, from the bottom to the top, and writes the index of the image. `readFrames` yields the frames of a
 * layer, one after the other. Throws `LimitExceeded`.
 */
export async function mergeImage(
  layers: readonly MergedLayer[],
  readFrames: (layer: number) => AsyncIterable<Uint8Array>,
  writer: IndexWriter,
  limits: Limits,
): Promise<void> {
  let heldBytes = 0;
  const frames: (readonly Buffer[])[] = [];
  for (const [number, { frameBytes }] of layers.entries()) {
    heldBytes += frameBytes.reduce((total, bytes) => total + bytes, 0);
    requireMemory(limits, heldBytes);
    frames.push(cut(await collect(readFrames(number)), frameBytes));
  }
  const merged = () => mergeLayers(frames.map(decodeAll));

  const summary = createSummary(layers);
  let paths = 0;
  for (const path of merged()) {
    summary.add(path);
    if (++paths % checkEvery === 0) requireMemory(limits, heldBytes + summary.totals.heldBytes());
    if (paths > limits.entries) throw new LimitExceeded('entries', `the image has more than ${limits.entries} paths`);
  }
  function* visible(): Generator<Entry> {
    for (const { visible: entry } of merged()) if (entry) yield summary.totals.withTotals(entry);
  }
  const places = await writer.frames(visible());
  await writer.finish({ kind: 'image', frames: places, ...(await summary.finish(writer)) });
}

function requireMemory(limits: Limits, heldBytes: number): void {
  if (heldBytes <= limits.memoryBytes) return;
  throw new LimitExceeded('memory', `merging the layers of the image needs more than ${limits.memoryBytes} bytes of memory`);
}

async function collect(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const piece of pieces) parts.push(piece);
  return Buffer.concat(parts);
}

function cut(bytes: Buffer, sizes: readonly number[]): readonly Buffer[] {
  let offset = 0;
  return sizes.map((size) => bytes.subarray(offset, (offset += size)));
}

function* decodeAll(frames: readonly Buffer[]): Generator<Entry> {
  for (const frame of frames) yield* decodeFrameSync(frame);
}

/** Sums up what the layers add to the image. */
function createSummary(layers: readonly MergedLayer[]) {
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

/** Sums up one layer. Its entries must come in the order of its index. */
function createShare(entries: number) {
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
