import { type TraceOptions, operations } from './trace.ts';

/** The average pull and push of a trace. */
export interface Profile {
  readonly layersBelow1MB: number;
  readonly layersBelow10MB: number;
  readonly pullPart: number;
  /** Share of pulls for which the client has all layers. */
  readonly pullsWithoutBlobs: number;
  /** Blobs (layers and config) that the client does not have and requests. */
  readonly blobsPerPull: number;
  readonly bytesPerPull: number;
  readonly blobsPerPush: number;
  readonly bytesPerPush: number;
  /** Parts of the multipart uploads of a push. */
  readonly partsPerPush: number;
  /** Share of manifest GETs that are not in a replica's memory. */
  readonly manifestMisses: number;
}

/** Number of manifests in a replica's memory: 64 MiB of about 4 KiB each. */
const keptManifests = 16_000;
/** Layers below this size need no multipart upload. */
const partBytes = 16 * 1024 * 1024;

export function simulate(options: TraceOptions): Profile {
  const cached = Array.from({ length: options.clients }, () => new Set<number>());
  const kept = new Map<string, true>();
  const count = {
    pulls: 0,
    complete: 0,
    pulledBlobs: 0,
    pulledBytes: 0,
    pushes: 0,
    pushedBlobs: 0,
    pushedBytes: 0,
    parts: 0,
    misses: 0,
  };
  const sizes = new Map<number, number>();
  const pushed = new Set<number>();

  for (const { kind, image, client } of operations(options)) {
    for (const layer of image.layers) sizes.set(layer.id, layer.bytes);
    if (kind === 'push') {
      const missing = image.layers.filter((layer) => !pushed.has(layer.id));
      for (const layer of missing) pushed.add(layer.id);
      count.pushes++;
      count.pushedBlobs += missing.length + 1;
      count.pushedBytes += sum(missing.map(({ bytes }) => bytes));
      count.parts += sum(missing.map(({ bytes }) => (bytes > partBytes ? Math.ceil(bytes / partBytes) : 0)));
      continue;
    }
    const layers = cached[client] ?? new Set<number>();
    const missing = image.layers.filter((layer) => !layers.has(layer.id));
    for (const layer of missing) layers.add(layer.id);
    count.pulls++;
    if (missing.length === 0) count.complete++;
    else count.pulledBlobs += missing.length + 1;
    count.pulledBytes += sum(missing.map(({ bytes }) => bytes));
    const manifest = `${image.id}/${image.layers.at(-1)?.id ?? 0}`;
    if (!kept.delete(manifest)) count.misses++;
    kept.set(manifest, true);
    const [oldest] = kept.keys();
    if (kept.size > keptManifests && oldest !== undefined) kept.delete(oldest);
  }

  const all = [...sizes.values()];
  return {
    layersBelow1MB: all.filter((bytes) => bytes < 1e6).length / all.length,
    layersBelow10MB: all.filter((bytes) => bytes < 1e7).length / all.length,
    pullPart: count.pulls / (count.pulls + count.pushes),
    pullsWithoutBlobs: count.complete / count.pulls,
    blobsPerPull: count.pulledBlobs / count.pulls,
    bytesPerPull: count.pulledBytes / count.pulls,
    blobsPerPush: count.pushedBlobs / count.pushes,
    bytesPerPush: count.pushedBytes / count.pushes,
    partsPerPush: count.parts / count.pushes,
    manifestMisses: count.misses / count.pulls,
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
