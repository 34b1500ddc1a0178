import type { Digest } from '../../../src/oci/digest.ts';
import { type Appender, type ObjectKey, StorageError } from '../driver.ts';
import type { Bucket } from './bucket.ts';
import { copyIntoParts, copyObject } from './copying.ts';
import { unlessMissing } from '../missing.ts';
import { type GrowingRecord, dataKey, loadRecord, removeData, removeGrowing, saveRecord } from './partial.ts';
import { type MultipartUpload, beginMultipart, resumeMultipart } from './multipart.ts';
import { createPartBuffer } from './part-buffer.ts';
import { partBytes, smallestPartBytes } from './part-sizes.ts';
import { openObject, readWhole } from './reading.ts';
import { objectSize, putObject } from './writing.ts';

const nothing = new Uint8Array();

/** A growing object that has no bytes yet; what was there is dropped. */
export async function beginAppender(bucket: Bucket, key: ObjectKey, assertHeld?: () => void): Promise<Appender> {
  const before = await unlessMissing(loadRecord(bucket, key));
  if (before) await removeGrowing(bucket, [key]);
  return createAppender(bucket, key, { upload: undefined, completedBytes: 0, tail: nothing, digest: undefined }, assertHeld);
}

/** Everything is read from the store, so that any process can go on. Rejects `not_found`. */
export async function resumeAppender(bucket: Bucket, key: ObjectKey, assertHeld?: () => void): Promise<Appender> {
  return createAppender(bucket, key, await loadState(bucket, key, await loadRecord(bucket, key)), assertHeld);
}

/** The bytes are those of the upload, or of the completed object where there is no upload, and then those of the tail. */
interface State {
  readonly upload: MultipartUpload | undefined;
  readonly completedBytes: number;
  readonly tail: Uint8Array;
  /** Of all these bytes. */
  readonly digest: Digest | undefined;
}

async function loadState(bucket: Bucket, key: ObjectKey, record: GrowingRecord): Promise<State> {
  const { uploadId, bytesBeforeTail } = record;
  const upload = uploadId === undefined ? undefined : await resumeMultipart(bucket, dataKey(key), uploadId);
  // An upload that has ended was completed, and the process that did it could not record that any more.
  const hasEnded = uploadId !== undefined && !upload;
  const completedBytes = hasEnded ? ((await unlessMissing(objectSize(bucket, dataKey(key)))) ?? 0) : record.completedBytes;
  const stored = upload?.sizeBytes ?? completedBytes;
  if (stored < bytesBeforeTail) throw new StorageError('not_found', 'open: the parts of the upload are gone');
  const isExact = stored === bytesBeforeTail;
  return { upload, completedBytes, tail: isExact ? record.tail : nothing, digest: isExact ? record.digest : undefined };
}

function createAppender(
  bucket: Bucket,
  key: ObjectKey,
  { upload, completedBytes, tail, digest }: State,
  assertHeld: () => void = () => undefined,
): Appender {
  const data = dataKey(key);
  let ended = false;

  const stored = () => upload?.sizeBytes ?? completedBytes;

  async function record(next: Uint8Array, nextDigest: Digest | undefined): Promise<void> {
    assertHeld();
    const kept = { completedBytes, bytesBeforeTail: stored(), tail: next, digest: nextDigest };
    await saveRecord(bucket, key, { uploadId: upload?.id, ...kept });
    [tail, digest] = [next, nextDigest];
  }

  /** Begins an upload whose first parts are the first `keptBytes` of the completed object. */
  async function begin(keptBytes: number): Promise<void> {
    const begun = await beginMultipart(bucket, data);
    try {
      await copyIntoParts(begun, data, keptBytes);
      upload = begun;
      await record(tail, digest);
    } catch (error) {
      upload = undefined;
      await begun.abort().catch(() => undefined);
      throw error;
    }
  }

  async function sendPart(bytes: Uint8Array): Promise<void> {
    assertHeld();
    if (upload?.endsShort) await seal(upload);
    if (!upload) await begin(completedBytes);
    await upload?.put(upload.partCount + 1, bytes);
    tail = nothing;
  }

  /** Makes one object of the parts. */
  async function seal(parts: MultipartUpload): Promise<void> {
    assertHeld();
    await parts.complete();
    completedBytes = parts.sizeBytes;
    upload = undefined;
    await record(tail, digest);
  }

  /** Makes one object of everything, so that it can be read and copied. */
  async function complete(): Promise<void> {
    if (tail.length > 0) await sendPart(tail);
    if (upload) await seal(upload);
  }

  async function publish(to: ObjectKey): Promise<void> {
    assertHeld();
    if (stored() === 0) return putObject(bucket, to, tail);
    await complete();
    await copyObject(bucket, data, to, completedBytes);
  }

  return {
    get sizeBytes() {
      return stored() + tail.length;
    },

    get knownDigest() {
      return digest;
    },

    async append(source, digestOf) {
      const before = stored() + tail.length;
      const parts = createParts(tail, (upload?.partCount ?? 0) + 1, sendPart);
      try {
        for await (const chunk of within(bucket.largestObjectBytes - before, source)) await parts.add(chunk);
      } finally {
        const rest = await parts.finish();
        const sizeBytes = stored() + rest.length;
        if (sizeBytes !== before) await record(rest, digestOf?.(sizeBytes));
      }
      return stored() + tail.length - before;
    },

    async truncate(sizeBytes) {
      assertHeld();
      if (sizeBytes === 0) {
        // Needs no space: a store that is full must be able to do it.
        await removeGrowing(bucket, [key]);
        [upload, completedBytes] = [undefined, 0];
        return record(nothing, undefined);
      }
      if (sizeBytes >= stored()) return record(tail.slice(0, sizeBytes - stored()), undefined);
      await complete();
      digest = undefined;
      if (sizeBytes >= smallestPartBytes) return begin(sizeBytes);
      const head = await readWhole(bucket, data, { first: 0, last: sizeBytes - 1 });
      completedBytes = 0;
      await record(head, undefined);
    },

    async *readBack() {
      if (upload) await complete();
      if (completedBytes > 0) yield* (await openObject(bucket, data, { first: 0, last: completedBytes - 1 })).stream();
      if (tail.length > 0) yield tail;
    },

    close: () => Promise.resolve(),

    publish,

    async commit(to) {
      if (ended) return;
      await publish(to);
      ended = true;
      // The object is there. What cannot be removed now is found by `listGrowing`.
      await removeData(bucket, [key]).catch(() => undefined);
    },

    async abort() {
      if (ended) return;
      await removeGrowing(bucket, [key]);
      ended = true;
    },
  };
}

/** The chunks as long as they have no more than `mostBytes` together. Throws `too_large`. */
async function* within(maxBytes: number, source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let left = maxBytes;
  for await (const chunk of source) {
    left -= chunk.length;
    if (left < 0) throw new StorageError('too_large', 'append: no object of the store can be so large');
    yield chunk;
  }
}

/** Cuts what is added into parts; sends one while the next one gathers, so that at most two are in memory. */
function createParts(tail: Uint8Array, firstNumber: number, send: (part: Uint8Array) => Promise<void>) {
  const gathered = createPartBuffer();
  gathered.add(tail);
  let number = firstNumber;
  let sending: Promise<void> = Promise.resolve();

  async function handOver(): Promise<void> {
    await sending;
    const part = gathered.take();
    sending = send(part).then(() => gathered.giveBack(part));
    sending.catch(() => undefined);
    number++;
  }

  return {
    async add(chunk: Uint8Array): Promise<void> {
      for (let rest = chunk; rest.length > 0;) {
        const fitting = rest.subarray(0, Math.max(0, partBytes(number) - gathered.length));
        gathered.add(fitting);
        rest = rest.subarray(fitting.length);
        if (gathered.length >= partBytes(number)) await handOver();
      }
    },
    /** Resolves when every part is sent, to what does not fill one. Rejects when one could not be: then no later one is. */
    async finish(): Promise<Uint8Array> {
      await sending;
      return gathered.take();
    },
  };
}
