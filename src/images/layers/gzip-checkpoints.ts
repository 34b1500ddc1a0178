import { ZStream, Z_BLOCK, Z_BUF_ERROR, Z_OK, Z_STREAM_END, zlibInflate, zlibInflateInit2, zlibInflateReset } from 'pako';
import { InvalidLayer } from './limits.ts';

/** How far back deflated data refers, in bytes. */
export const windowBytes = 32 * 1024;

/** A place where decompression of a gzip blob can begin. See `Checkpoint`. */
export interface GzipCheckpoint {
  readonly out: number;
  readonly in: number;
  readonly bits: number;
  /** The unpacked bytes in front of it; undefined at the beginning of a member. */
  readonly window: Buffer | undefined;
}

export interface CheckpointedGunzip {
  /** Yields the unpacked bytes of the next piece of the blob. Their memory is used again for the next ones. */
  write(bytes: Uint8Array): Iterable<Buffer>;
  /** Call it after the last piece. Throws `InvalidLayer` if the blob is cut off. */
  finish(): void;
}

/** Unpacked bytes between checkpoints inside a member. */
const defaultSpacingBytes = 4 * 1024 * 1024;
/** The beginning of a member is a checkpoint without a window: eStargz has one for each file. */
const memberSpacingBytes = 1024 * 1024;
const outputBytes = 256 * 1024;
/** 15: the largest window, 16: gzip (zlib.h, inflateInit2). */
const gzipWindowBits = 15 + 16;
/** Bits of `data_type` (zlib.h, inflate): at the end of a block; in the last block; number of unused bits. */
const atBlockEnd = 128;
const inLastBlock = 64;
const unusedBits = 7;

/**
 * Unpacks gzip and calls `onCheckpoint` for each place where unpacking can begin again later: as zran.c of zlib does, by stopping
 * at each block. Node's zlib cannot stop there; pako is a port of zlib that can.
 */
export function createCheckpointedGunzip(
  onCheckpoint: (checkpoint: GzipCheckpoint) => void,
  spacingBytes = defaultSpacingBytes,
): CheckpointedGunzip {
  const stream = new ZStream();
  zlibInflateInit2(stream, gzipWindowBits);
  // The last bytes before `next_out` are the window of the next checkpoint: they stay when the buffer is used again.
  const output = Buffer.alloc(windowBytes + outputBytes);
  stream.output = output;
  stream.next_out = windowBytes;
  stream.avail_out = outputBytes;
  /** Offset in the blob of the current piece. */
  let base = 0;
  let out = 0;
  let isBetweenMembers = true;
  let isFinished = false;
  let last: { readonly out: number; readonly isMember: boolean } | undefined;

  function beginMember(): void {
    if (last) zlibInflateReset(stream);
    isBetweenMembers = false;
    if (last?.isMember && out - last.out < memberSpacingBytes) return;
    onCheckpoint({ out, in: base + stream.next_in, bits: 0, window: undefined });
    last = { out, isMember: true };
  }

  function considerBlock(): void {
    const isBoundary = (stream.data_type & atBlockEnd) !== 0 && (stream.data_type & inLastBlock) === 0;
    if (!isBoundary || out - (last?.out ?? 0) < spacingBytes) return;
    const unused = stream.data_type & unusedBits;
    onCheckpoint({
      out,
      in: base + stream.next_in - (unused > 0 ? 1 : 0),
      bits: unused > 0 ? 8 - unused : 0,
      window: Buffer.from(output.subarray(stream.next_out - windowBytes, stream.next_out)),
    });
    last = { out, isMember: false };
  }

  function makeRoom(): void {
    if (stream.avail_out > 0) return;
    output.copyWithin(0, stream.next_out - windowBytes, stream.next_out);
    stream.next_out = windowBytes;
    stream.avail_out = outputBytes;
  }

  function inflateBlock(): Buffer {
    makeRoom();
    const from = stream.next_out;
    const status = zlibInflate(stream, Z_BLOCK);
    if (status !== Z_OK && status !== Z_STREAM_END && status !== Z_BUF_ERROR) {
      throw new InvalidLayer(`the gzip data cannot be read: ${stream.msg || 'it is damaged'}`);
    }
    out += stream.next_out - from;
    if (status === Z_STREAM_END) isBetweenMembers = true;
    else considerBlock();
    return output.subarray(from, stream.next_out);
  }

  return {
    *write(bytes) {
      stream.input = bytes;
      stream.next_in = 0;
      stream.avail_in = bytes.length;
      // Output may wait inside although all input is taken: only free space in the buffer says that there is none.
      while (!isFinished && (stream.avail_in > 0 || stream.avail_out === 0)) {
        if (isBetweenMembers) {
          if (stream.avail_in === 0) break;
          // Like gunzip, ignore padding after the last member.
          isFinished = bytes[stream.next_in] !== 0x1f;
          if (isFinished) break;
          beginMember();
        }
        const unpacked = inflateBlock();
        if (unpacked.length > 0) yield unpacked;
      }
      base += bytes.length;
    },
    finish() {
      if (!isBetweenMembers) throw new InvalidLayer(`the gzip data is cut off after ${base} bytes`);
    },
  };
}
