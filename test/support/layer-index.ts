import { zstdDecompressSync } from 'node:zlib';
import { pathOf } from '../../src/images/index/entry-key.ts';
import type { Entry } from '../../src/images/index/entry.ts';
import { decodeFrameSync } from '../../src/images/index/frame.ts';
import { type Head, decodeTrailer, trailerBytes } from '../../src/images/index/head.ts';
import { createIndexWriter } from '../../src/images/index/index-writer.ts';
import type { Checkpoint } from '../../src/images/index/layer-head.ts';
import { buildLayer } from '../../src/images/layers/build-layer.ts';
import { type Limits, defaultLimits } from '../../src/images/layers/limits.ts';

/** An index in memory. */
export interface MemoryIndex {
  readonly head: Exclude<Head, { readonly failure: unknown }> & { readonly failure?: undefined };
  readonly bytes: Buffer;
  readonly entries: readonly Entry[];
  readonly checkpoints: readonly Checkpoint[];
}

/** Collects what an index writer writes, and reads it. */
export async function inMemory(produce: (writer: ReturnType<typeof createIndexWriter>) => Promise<void>): Promise<MemoryIndex> {
  const parts: Uint8Array[] = [];
  await produce(createIndexWriter((bytes) => Promise.resolve(void parts.push(Buffer.from(bytes)))));
  const bytes = Buffer.concat(parts);
  const place = decodeTrailer(bytes.subarray(-trailerBytes));
  if (!place) throw new Error('the index has no trailer');
  const json = (section: { readonly offset: number; readonly length: number }) =>
    JSON.parse(zstdDecompressSync(bytes.subarray(section.offset, section.offset + section.length)).toString()) as unknown;
  const head = json(place) as MemoryIndex['head'];
  const entries = head.frames.flatMap(({ offset, length }) => decodeFrameSync(bytes.subarray(offset, offset + length)));
  const checkpoints = head.kind === 'layer' && head.checkpoints ? (json(head.checkpoints) as readonly Checkpoint[]) : [];
  return { head, bytes, entries, checkpoints };
}

/** Builds the index of a layer in this thread. `pieceBytes`: how the blob arrives. */
export function indexLayer(blob: Buffer, limits: Partial<Limits> = {}, pieceBytes = 65_536): Promise<MemoryIndex> {
  const source = { blob: pieces(blob, pieceBytes), sizeBytes: blob.length };
  return inMemory((writer) => buildLayer(source, writer, { ...defaultLimits, ...limits }));
}

export async function* pieces(bytes: Buffer, length: number): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < bytes.length; offset += length) {
    yield await Promise.resolve(bytes.subarray(offset, offset + length));
  }
}

const letters: Readonly<Record<Entry['type'], string>> = {
  file: '-',
  directory: 'd',
  symlink: 'l',
  hardlink: 'h',
  character: 'c',
  block: 'b',
  fifo: 'p',
  whiteout: '-',
  opaque: '-',
};

/** Writes an entry as `tar -tv --full-time` does, with one space between the columns. */
export function tarLine(entry: Entry): string {
  const { type, mode, user, uid, group, gid, sizeBytes, mtime, link } = entry;
  const bits = Array.from('rwxrwxrwx', (letter, index) => ((mode >> (8 - index)) & 1 ? letter : '-'));
  if (mode & 0o4000) bits[2] = bits[2] === 'x' ? 's' : 'S';
  if (mode & 0o1000) bits[8] = bits[8] === 'x' ? 't' : 'T';
  const time = new Date(mtime * 1000).toISOString().slice(0, 19).replace('T', ' ');
  const name = type === 'whiteout' ? pathOf({ ...entry, name: `.wh.${entry.name}` }) : pathOf(entry);
  const arrow = type === 'symlink' ? ` -> ${link}` : type === 'hardlink' ? ` link to ${link}` : '';
  return `${letters[type]}${bits.join('')} ${user || uid}/${group || gid} ${sizeBytes} ${time} ${name}${arrow}`;
}
