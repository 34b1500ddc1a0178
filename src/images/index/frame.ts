import { promisify } from 'node:util';
import { zstdCompressSync, zstdDecompress, zstdDecompressSync } from 'node:zlib';
import { type Row, toEntry, toRow } from './entry-row.ts';
import type { Entry } from './entry.ts';

/**
 * A frame is a run of entries in the order of the index, as compressed JSON: `[[directory, [entry, …]], …]`. An entry is an array
 * of its fields, so that a frame of 1,000 entries takes about 40 KiB.
 */

/** Entries of a full frame. */
export const frameEntries = 1000;

/** More than the entries of a frame can have: paths and links are at most 4 KiB long. */
const maxFrameBytes = 32 * 1024 * 1024;

const decompress = promisify(zstdDecompress);

type Group = [directory: string, rows: Row[]];

/** Compresses entries. Blocks the thread for some milliseconds: only for the worker. */
export function encodeFrame(entries: readonly Entry[]): Buffer {
  const groups: Group[] = [];
  for (const entry of entries) {
    const last = groups.at(-1);
    if (last?.[0] === entry.directory) last[1].push(toRow(entry));
    else groups.push([entry.directory, [toRow(entry)]]);
  }
  return zstdCompressSync(JSON.stringify(groups));
}

/** The reverse of `encodeFrame`, decompressed on a thread of the pool. */
export async function decodeFrame(frame: Uint8Array): Promise<readonly Entry[]> {
  return toEntries(await decompress(frame, { maxOutputLength: maxFrameBytes }));
}

/** The same, which blocks the thread: only for the worker. */
export function decodeFrameSync(frame: Uint8Array): readonly Entry[] {
  return toEntries(zstdDecompressSync(frame, { maxOutputLength: maxFrameBytes }));
}

function toEntries(json: Buffer): readonly Entry[] {
  const groups = JSON.parse(json.toString()) as readonly Group[];
  return groups.flatMap(([directory, rows]) => rows.map((row) => toEntry(directory, row)));
}
