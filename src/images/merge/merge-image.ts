import type { Entry } from '../index/entry.ts';
import { decodeFrameSync } from '../index/frame.ts';
import type { IndexWriter } from '../index/index-writer.ts';
import { type Limits, LimitExceeded } from '../layers/limits.ts';
import { type MergedLayer, createSummary } from './image-summary.ts';
import { mergeLayers } from './merge-layers.ts';

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
    frames.push(await collect(readFrames(number), frameBytes));
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

/** Collects the frames of a layer. `sizes`: in bytes, in their order. */
async function collect(pieces: AsyncIterable<Uint8Array>, sizes: readonly number[]): Promise<readonly Buffer[]> {
  const parts: Uint8Array[] = [];
  for await (const piece of pieces) parts.push(piece);
  const bytes = Buffer.concat(parts);
  let offset = 0;
  return sizes.map((size) => bytes.subarray(offset, (offset += size)));
}

function* decodeAll(frames: readonly Buffer[]): Generator<Entry> {
  for (const frame of frames) yield* decodeFrameSync(frame);
}
