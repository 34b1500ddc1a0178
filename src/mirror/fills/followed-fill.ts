import { createHash } from 'node:crypto';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { ByteRange, OpenObject } from '../../../storage/blobs/driver.ts';
import { type Digest, digestAlgorithm } from '../../oci/digest.ts';
import type { OutOfOrderRanges } from './out-of-order-ranges.ts';
import type { Partials } from './partials.ts';
import { UpstreamError } from '../../upstream/upstream-error.ts';

/** Another process of this machine downloads the blob: its file is followed as it grows. */
export interface FollowedFill {
  readonly sizeBytes: number;
  open(range?: ByteRange): OpenObject;
}

export interface FollowOptions {
  readonly digest: Digest;
  readonly partials: Partials;
  /** Whether the blob has been verified and recorded. */
  readonly isStored: () => Promise<boolean>;
  /** Reads it then. */
  readonly readStored: (range: ByteRange) => Promise<OpenObject>;
  readonly outOfOrder: OutOfOrderRanges;
  readonly idleSeconds: number;
}

/** How often the growing file is measured. */
const pollMilliseconds = 20;
const readerBytes = 64 * 1024;

/** Returns the fill once its size is known; undefined where its owner has ended before. */
export async function followFill(options: FollowOptions): Promise<FollowedFill | undefined> {
  for (;;) {
    const owner = await options.partials.owner(options.digest);
    if (!owner) return undefined;
    if (owner.sizeBytes !== undefined && (await isThere(options))) return followed(options, owner.sizeBytes);
    await delay(pollMilliseconds);
  }
}

/** True if the blob's file or the stored blob exists: a blob that is not kept is deleted before its owner file. */
async function isThere({ digest, partials, isStored }: FollowOptions): Promise<boolean> {
  const isFile = await stat(partials.pathOf(digest)).then(
    () => true,
    () => false,
  );
  return isFile || isStored();
}

function followed(
  { digest, partials, isStored, readStored, outOfOrder, idleSeconds }: FollowOptions,
  sizeBytes: number,
): FollowedFill {
  let isWhole = false;

  /** How far the file may be read: the last byte only when its owner has verified all of them. */
  async function readable(file: FileHandle): Promise<number> {
    if (isWhole) return sizeBytes;
    const isOwned = (await partials.owner(digest)) !== undefined;
    // Its owner may have verified it and not kept it, or died in between.
    if (!isOwned) isWhole = (await isStored()) || (await isRight(file, digest));
    if (!isOwned && !isWhole) throw new UpstreamError('failed', 'the process that fetched it has ended');
    return isWhole ? sizeBytes : Math.min((await file.stat()).size, sizeBytes - 1);
  }

  /** Undefined where the byte `at` is too far ahead to be waited for. */
  async function readableBeyond(file: FileHandle, at: number, isOpen: () => boolean): Promise<number | undefined> {
    const deadline = performance.now() + idleSeconds * 1000;
    while (isOpen()) {
      const end = await readable(file);
      if (end > at) return end;
      if (outOfOrder.isFar(at, end)) return undefined;
      if (performance.now() > deadline) throw new UpstreamError('timeout', 'the download rested too long');
      await delay(pollMilliseconds);
    }
    throw new UpstreamError('failed', 'its last client has gone');
  }

  async function* follow(file: FileHandle, range: ByteRange, isOpen: () => boolean): AsyncGenerator<Uint8Array> {
    const buffer = Buffer.allocUnsafe(Math.min(readerBytes, Math.max(1, range.last - range.first + 1)));
    for (let at = range.first; at <= range.last;) {
      const readableTo = await readableBeyond(file, at, isOpen);
      if (readableTo === undefined) {
        for await (const chunk of outOfOrder.piece({ ...range, first: at }, sizeBytes)) {
          at += chunk.length;
          yield chunk;
        }
        continue;
      }
      const end = Math.min(readableTo, range.last + 1);
      while (at < end) {
        const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, end - at), at);
        if (bytesRead === 0) throw new UpstreamError('failed', 'the file of a download is shorter than it was');
        at += bytesRead;
        yield buffer.subarray(0, bytesRead);
      }
    }
  }

  async function* read(range: ByteRange, isOpen: () => boolean): AsyncGenerator<Uint8Array> {
    const file = await open(partials.pathOf(digest)).catch(() => undefined);
    if (file) {
      const follower = await partials.follow(digest);
      try {
        yield* follow(file, range, isOpen);
      } finally {
        await Promise.all([file.close(), follower.unsubscribe()]);
      }
      return;
    }
    // The blob has been stored meanwhile.
    const stored = await readStored(range);
    try {
      yield* stored.stream();
    } finally {
      await stored.close();
    }
  }

  return {
    sizeBytes,
    open(asked) {
      const range = { first: asked?.first ?? 0, last: Math.min(asked?.last ?? Infinity, sizeBytes - 1) };
      let isOpen = true;
      return {
        sizeBytes,
        range,
        stream: () => read(range, () => isOpen),
        close() {
          isOpen = false;
          return Promise.resolve();
        },
      };
    },
  };
}

async function isRight(file: FileHandle, digest: Digest): Promise<boolean> {
  const hash = createHash(digestAlgorithm(digest));
  for await (const chunk of file.createReadStream({ start: 0, autoClose: false, highWaterMark: 1024 * 1024 })) {
    hash.update(chunk as Buffer);
  }
  return digest.endsWith(`:${hash.digest('hex')}`);
}
