import { hash, randomUUID } from 'node:crypto';
import { PassThrough } from 'node:stream';
import { promisify } from 'node:util';
import { zstdDecompress } from 'node:zlib';
import { LRUCache } from 'lru-cache';
import { type BlobDriver, type OpenObject, type StorageErrorCode, StorageError } from '../../../storage/blobs/driver.ts';
import { indexKey, uploadKey } from '../../../storage/blobs/layout.ts';
import { readAll, unlessMissing } from '../../../storage/blobs/missing.ts';
import type { Digest } from '../../oci/digest.ts';
import type { Entry } from '../index/entry.ts';
import { decodeFrame } from '../index/frame.ts';
import { type Head, decodeTrailer, trailerBytes } from '../index/head.ts';
import { ImageError } from '../index/image-error.ts';
import type { Section } from '../index/section.ts';

/** An index in the blob store. Its reads reject `ImageError` when it has been deleted meanwhile. */
export interface StoredIndex<Kind extends Head = Head> {
  readonly digest: Digest;
  readonly head: Kind;
  /** Returns the entries of a frame, by its number: the same array for frames with the same bytes, also of other indexes. */
  frame(number: number): Promise<readonly Entry[]>;
  read(section: Section): Promise<Buffer>;
  /** Returns the value of a section of compressed JSON. */
  json(section: Section): Promise<unknown>;
  /** Yields the bytes of all frames, in their order. */
  frameBytes(): AsyncIterable<Uint8Array>;
}

/** The indexes of layers and images, beside the blobs that they were made from. */
export interface IndexStore {
  /** Returns the index; undefined if there is none, or none that can be read. */
  find(digest: Digest): Promise<StoredIndex | undefined>;
  /** Stores an index that `produce` writes part by part. Nothing is stored if it rejects. */
  write(digest: Digest, produce: (write: (bytes: Uint8Array) => Promise<void>) => Promise<void>): Promise<void>;
  /** Deletes the index, for a blob that is gone. */
  delete(digest: Digest): Promise<void>;
}

/** Memory for heads and for frames. */
const cachedHeadBytes = 16 * 1024 * 1024;
const cachedFrameBytes = 24 * 1024 * 1024;
/** Frames whose content is known by its hash. */
const knownFrames = 10_000;
/** Objects of a decoded entry take about this much memory. */
const entryMemory = 400;
/** A head is compressed to a tenth and decoded to objects. */
const headExpansion = 30;
/** Bytes at the end of an index that are read at once: the heads of most indexes. */
const tailBytes = 32 * 1024;
const maxHeadBytes = 64 * 1024 * 1024;

const decompress = promisify(zstdDecompress);

interface CachedHead {
  readonly head: Head;
  readonly sizeBytes: number;
}

export function createIndexStore({ driver }: { readonly driver: BlobDriver }): IndexStore {
  const heads = new LRUCache<Digest, CachedHead>({ maxSize: cachedHeadBytes, sizeCalculation: ({ sizeBytes }) => sizeBytes });
  const frames = new LRUCache<string, readonly Entry[]>({
    maxSize: cachedFrameBytes,
    sizeCalculation: (entries) => entries.length * entryMemory + 1,
  });
  /** Hashes of frames, by index and place. Images that are built from each other share most of their frames. */
  const hashes = new LRUCache<string, string>({ max: knownFrames });

  async function read(digest: Digest, { offset, length }: Section): Promise<Buffer> {
    if (length === 0) return Buffer.alloc(0);
    try {
      return await readObject(await driver.read(indexKey(digest), { first: offset, last: offset + length - 1 }));
    } catch (error) {
      // Every read finds out that the index is gone: the next look for it finds none.
      heads.delete(digest);
      const isGone = error instanceof StorageError && goneCodes.includes(error.code);
      throw isGone ? gone(digest) : error;
    }
  }

  async function readHead(digest: Digest): Promise<CachedHead | undefined> {
    const stat = await unlessMissing(driver.stat(indexKey(digest)));
    if (!stat || stat.sizeBytes < trailerBytes) return undefined;
    const start = Math.max(0, stat.sizeBytes - tailBytes);
    const tail = await read(digest, { offset: start, length: stat.sizeBytes - start });
    const place = decodeTrailer(tail.subarray(-trailerBytes));
    if (!place || place.offset + place.length > stat.sizeBytes) return undefined;
    const isInTail = place.offset >= start;
    const bytes = isInTail ? tail.subarray(place.offset - start, place.offset - start + place.length) : await read(digest, place);
    return { head: (await decoded(digest, parseJson(bytes))) as Head, sizeBytes: bytes.length * headExpansion + 1 };
  }

  async function frame(digest: Digest, place: Section): Promise<readonly Entry[]> {
    const key = `${digest} ${place.offset}`;
    const cached = frames.get(hashes.get(key) ?? '');
    if (cached) return cached;
    const bytes = await read(digest, place);
    const content = hash('sha256', bytes, 'base64');
    const entries = frames.get(content) ?? (await decoded(digest, decodeFrame(bytes)));
    frames.set(content, entries);
    hashes.set(key, content);
    return entries;
  }

  /** Another process may have written the index anew: then the head in memory leads to other bytes. */
  async function decoded<Value>(digest: Digest, value: Promise<Value>): Promise<Value> {
    try {
      return await value;
    } catch (error) {
      heads.delete(digest);
      throw error instanceof ImageError ? error : gone(digest);
    }
  }

  function open(digest: Digest, head: Head): StoredIndex {
    const places = head.failure ? [] : head.frames;
    return {
      digest,
      head,
      async frame(number) {
        const place = places[number];
        return place ? frame(digest, place) : [];
      },
      read: (section) => read(digest, section),
      json: async (section) => decoded(digest, parseJson(await read(digest, section))),
      async *frameBytes() {
        for (const place of places) yield await read(digest, place);
      },
    };
  }

  return {
    async find(digest) {
      const found = heads.get(digest) ?? (await unlessGone(readHead(digest)));
      if (!found) return undefined;
      if (!heads.has(digest)) heads.set(digest, found);
      return open(digest, found.head);
    },

    async write(digest, produce) {
      const appender = await driver.openAppender(uploadKey(randomUUID()), { resume: false });
      const pipe = new PassThrough();
      try {
        const [appended, fed] = await Promise.allSettled([appender.append(pipe), feed(pipe, produce)]);
        // If the store fails, the other error only says that the pipe is broken.
        if (appended.status === 'rejected') throw appended.reason;
        if (fed.status === 'rejected') throw fed.reason;
        await appender.commit(indexKey(digest));
        heads.delete(digest);
      } catch (error) {
        await appender.abort();
        throw error;
      }
    },

    async delete(digest) {
      heads.delete(digest);
      await driver.delete([indexKey(digest)]);
    },
  };
}

/** Ends the pipe when everything is written, and breaks it when `produce` rejects. */
async function feed(pipe: PassThrough, produce: (write: (bytes: Uint8Array) => Promise<void>) => Promise<void>): Promise<void> {
  try {
    await produce(
      (bytes) => new Promise((resolve, reject) => void pipe.write(bytes, (error) => (error ? reject(error) : resolve()))),
    );
    pipe.end();
  } catch (error) {
    pipe.destroy(error instanceof Error ? error : new Error(String(error)));
    throw error;
  }
}

/** Resolves to undefined if the index was deleted while it was read. */
async function unlessGone<Result>(work: Promise<Result>): Promise<Result | undefined> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof ImageError) return undefined;
    throw error;
  }
}

async function readObject(object: OpenObject): Promise<Buffer> {
  try {
    return await readAll(object);
  } finally {
    await object.close();
  }
}

async function parseJson(bytes: Buffer): Promise<unknown> {
  const json = await decompress(bytes, { maxOutputLength: maxHeadBytes });
  return JSON.parse(json.toString()) as unknown;
}

/** Indexes may be lost at any time. */
const goneCodes: readonly StorageErrorCode[] = ['not_found', 'range_not_satisfiable'];

function gone(digest: Digest): ImageError {
  return new ImageError('not_ready', `the index of ${digest} was deleted: ask again, and it is built anew`);
}
