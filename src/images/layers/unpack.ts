import type { Compression } from '../index/layer-head.ts';
import { detectCompression } from './detect-compression.ts';
import { gunzip } from './gunzip.ts';
import { type GzipCheckpoint, createCheckpointedGunzip } from './gzip-checkpoints.ts';
import { unzstd } from './zstd.ts';

/** gzip blobs up to this size get no checkpoints: Node's zlib, which is faster, reads them from their start. */
export const plainGzipBytes = 32 * 1024 * 1024;

/** Unpacked bytes between zstd checkpoints: frames may be as small as a file. */
const frameSpacingBytes = 1024 * 1024;

export interface Unpacking {
  readonly blob: AsyncIterable<Uint8Array>;
  /** Size of the blob. */
  readonly sizeBytes: number;
  readonly onCompression: (compression: Compression) => void;
  readonly onCheckpoint: (checkpoint: GzipCheckpoint) => void;
}

/**
 * Yields the archive that a blob contains: plain, or compressed with gzip or zstd, as its first bytes say. The memory of a
 * chunk may be used again for the next one. Throws `InvalidLayer`.
 */
export async function* unpack({ blob, sizeBytes, onCompression, onCheckpoint }: Unpacking): AsyncGenerator<Buffer> {
  const { compression, chunks } = await detectCompression(blob);
  onCompression(compression);
  if (compression === 'none') yield* chunks;
  else if (compression === 'zstd') yield* unpackZstd(chunks, onCheckpoint);
  else if (sizeBytes <= plainGzipBytes) yield* gunzip(chunks);
  else yield* gunzipWithCheckpoints(chunks, onCheckpoint);
}

async function* unpackZstd(
  chunks: AsyncIterable<Buffer>,
  onCheckpoint: (checkpoint: GzipCheckpoint) => void,
): AsyncGenerator<Buffer> {
  let last = -Infinity;
  yield* unzstd(chunks, {
    onFrame(frame) {
      if (frame.out - last < frameSpacingBytes) return;
      last = frame.out;
      onCheckpoint({ ...frame, bits: 0, window: undefined });
    },
  });
}

async function* gunzipWithCheckpoints(
  chunks: AsyncIterable<Buffer>,
  onCheckpoint: (checkpoint: GzipCheckpoint) => void,
): AsyncGenerator<Buffer> {
  const decompressor = createCheckpointedGunzip(onCheckpoint);
  for await (const chunk of chunks) yield* decompressor.write(chunk);
  decompressor.finish();
}
