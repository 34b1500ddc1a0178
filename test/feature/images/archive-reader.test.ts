import { createHash, randomBytes } from 'node:crypto';
import { constants, gzipSync, zstdCompressSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { type PackedArchive, readArchive } from '../../../src/images/content/archive-reader.ts';
import type { Checkpoint } from '../../../src/images/index/layer-head.ts';
import type { Section } from '../../../src/images/index/section.ts';
import { createCheckpointedGunzip } from '../../../src/images/layers/gzip-checkpoints.ts';
import { unzstd } from '../../../src/images/layers/zstd.ts';
import { pieces } from '../../support/layer-index.ts';

const mebibyte = 1024 * 1024;

/** Bytes that compress to about half, in blocks that end at any bit; the same ones each time. */
function archiveOf(length: number): Buffer {
  const wordOf = (_: unknown, index: number) =>
    createHash('sha256').update(`${index}`).digest().subarray(0, 6).toString('base64');
  const words = Array.from({ length: 5000 }, wordOf);
  const parts: string[] = [];
  let random = 1;
  for (let size = 0; size < length; size += 9) {
    random = (random * 48_271) % 0x7fffffff;
    parts.push(words[random % words.length] ?? '', '\n');
  }
  return Buffer.from(parts.join('').slice(0, length));
}

/** Compresses with a checkpointed reader's view of the result. */
function checkpointed(
  blob: Buffer,
  pieceBytes: number,
  spacingBytes?: number,
): { readonly unpacked: Buffer; readonly archive: Omit<PackedArchive, 'onUnpacked'> } {
  const windows: Buffer[] = [];
  const checkpoints: Checkpoint[] = [];
  const gunzip = createCheckpointedGunzip(({ window, ...place }) => {
    if (window) windows.push(zstdCompress(window));
    const section = window && { offset: windows.length - 1, length: 0 };
    checkpoints.push({ ...place, kind: window ? 'block' : 'start', window: section });
  }, spacingBytes);
  const parts: Buffer[] = [];
  for (let at = 0; at < blob.length; at += pieceBytes) {
    for (const part of gunzip.write(blob.subarray(at, at + pieceBytes))) parts.push(Buffer.from(part));
  }
  gunzip.finish();
  const unpacked = Buffer.concat(parts);
  return { unpacked, archive: packed(blob, 'gzip', unpacked.length, checkpoints, windows) };
}

const zstdCompress = (bytes: Buffer) => zstdCompressSync(bytes);

function packed(
  blob: Buffer,
  compression: 'gzip' | 'zstd' | 'none',
  unpackedBytes: number,
  checkpoints: readonly Checkpoint[],
  windows: readonly Buffer[] = [],
): PackedArchive {
  return {
    head: { compression, unpackedBytes },
    checkpoints,
    sizeBytes: blob.length,
    readBlob: ({ first, last }) => pieces(blob.subarray(first, last + 1), 60_000),
    readSection: ({ offset }: Section) => Promise.resolve(windows[offset] ?? Buffer.alloc(0)),
  };
}

async function readAll(
  archive: PackedArchive,
  offset: number,
  length: number,
): Promise<{ bytes: Buffer; unpackedBytes: number }> {
  const parts: Buffer[] = [];
  let unpackedBytes = 0;
  const counted = { ...archive, onUnpacked: (bytes: number) => void (unpackedBytes += bytes) };
  for await (const part of readArchive(counted, offset, length)) parts.push(part);
  return { bytes: Buffer.concat(parts), unpackedBytes };
}

describe('a part of a layer', () => {
  let content: Buffer;
  beforeAll(() => {
    content = archiveOf(14 * mebibyte);
  });

  test('of gzip is read from the checkpoint before it, and unpacks at most 8 MiB', async () => {
    const { unpacked, archive } = checkpointed(gzipSync(content), 100_000);
    expect(unpacked.equals(content)).toBe(true);
    expect(archive.checkpoints.length).toBeGreaterThanOrEqual(3);
    expect(archive.checkpoints.some(({ bits }) => bits % 2 === 1)).toBe(true);
    for (const { out } of archive.checkpoints.slice(1)) {
      for (const offset of [out - 3000, out]) {
        const { bytes, unpackedBytes } = await readAll(archive, offset, 5000);
        expect(bytes.equals(content.subarray(offset, offset + 5000))).toBe(true);
        expect(unpackedBytes).toBeLessThanOrEqual(8 * mebibyte);
      }
    }
    const whole = await readAll(archive, 0, content.length);
    expect(whole.bytes.equals(content)).toBe(true);
  });

  test('of gzip is read over stored blocks, which begin at whole bytes', async () => {
    // Random bytes are stored, and words are compressed: a stored block may follow a checkpoint at any bit.
    const parts = Array.from({ length: 80 }, (_, number) => (number % 2 === 0 ? randomBytes(90_000) : archiveOf(60_000)));
    const mixed = Buffer.concat(parts);
    const { archive } = checkpointed(gzipSync(mixed, { level: 1 }), 65_536, 100_000);
    expect(new Set(archive.checkpoints.map(({ bits }) => bits)).size).toBeGreaterThan(4);
    for (const { out } of archive.checkpoints) {
      const { bytes } = await readAll(archive, out, Math.min(100_000, mixed.length - out));
      expect(bytes.equals(mixed.subarray(out, out + 100_000))).toBe(true);
    }
  });

  test('of gzip with many members, as eStargz has them, is read from the beginning of a member', async () => {
    const members: Buffer[] = [];
    for (let at = 0; at < 9 * mebibyte; at += 700_000)
      members.push(gzipSync(content.subarray(at, Math.min(9 * mebibyte, at + 700_000))));
    const { unpacked, archive } = checkpointed(
      Buffer.concat([...members, gzipSync(content.subarray(0, 6 * mebibyte)), gzipSync('end')]),
      33_333,
    );
    const offsets = [0, 699_999, 5 * mebibyte, 9 * mebibyte - 10, 15 * mebibyte - 5, 15 * mebibyte + 1];
    for (const offset of offsets) {
      const length = Math.min(300_000, unpacked.length - offset);
      const { bytes, unpackedBytes } = await readAll(archive, offset, length);
      expect(bytes.equals(unpacked.subarray(offset, offset + length))).toBe(true);
      expect(unpackedBytes).toBeLessThanOrEqual(8 * mebibyte);
    }
    expect((await readAll(archive, 0, unpacked.length)).bytes.equals(unpacked)).toBe(true);
  });

  test('of zstd is read from the beginning of a frame, over skippable frames', async () => {
    const skippable = Buffer.concat([Buffer.from('502a4d1805000000', 'hex'), Buffer.from('12345')]);
    const parts = [0, 1, 2].map((number) => content.subarray(number * 2 * mebibyte, (number + 1) * 2 * mebibyte));
    const frames = parts.map((part, number) =>
      zstdCompressSync(part, { params: { [constants.ZSTD_c_checksumFlag]: number % 2 } }),
    );
    const blob = Buffer.concat(frames.flatMap((frame) => [skippable, frame]));
    const checkpoints: Checkpoint[] = [];
    const unpacked: Buffer[] = [];
    for await (const part of unzstd(pieces(blob, 7919), {
      onFrame: (place) => void checkpoints.push({ ...place, kind: 'start', bits: 0, window: undefined }),
    }))
      unpacked.push(part);
    expect(Buffer.concat(unpacked).equals(content.subarray(0, 6 * mebibyte))).toBe(true);
    const archive = packed(blob, 'zstd', 6 * mebibyte, checkpoints);
    for (const offset of [0, 2 * mebibyte - 100, 5 * mebibyte]) {
      const { bytes, unpackedBytes } = await readAll(archive, offset, 200_000);
      expect(bytes.equals(content.subarray(offset, offset + 200_000))).toBe(true);
      expect(unpackedBytes).toBeLessThanOrEqual(4.2 * mebibyte);
    }
  });

  test('of zstd may have a frame for each small file', async () => {
    const files = Array.from({ length: 2000 }, (_, number) => randomBytes(100 + (number % 7)));
    const unpacked: Buffer[] = [];
    for await (const part of unzstd(pieces(Buffer.concat(files.map((file) => zstdCompressSync(file))), 7919)))
      unpacked.push(part);
    expect(Buffer.concat(unpacked).equals(Buffer.concat(files))).toBe(true);
  });

  test('of a plain archive is a part of the blob', async () => {
    const { bytes, unpackedBytes } = await readAll(packed(content, 'none', content.length, []), 1000, 2000);
    expect(bytes.equals(content.subarray(1000, 3000))).toBe(true);
    expect(unpackedBytes).toBe(0);
  });
});
