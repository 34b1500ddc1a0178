import type { Digest } from '../../../src/oci/digest.ts';
import { type Appender, type ObjectKey, StorageError } from '../driver.ts';
import type { Bucket } from './bucket.ts';
import { copyIntoParts, copyObject } from './copying.ts';
import { unlessMissing } from '../missing.ts';
import { type PartialRecord, dataKey, loadRecord, removeData, removePartial, saveRecord } from './partial.ts';
import { type MultipartUpload, beginMultipart, resumeMultipart } from './multipart.ts';
import { createPartBuffer } from './part-buffer.ts';
import { partBytes, smallestPartBytes } from './part-sizes.ts';
import { openObject, readWhole } from './reading.ts';
import { objectSize, putObject } from './writing.ts';

const nothing = new Uint8Array();

/** Begins a partial object without bytes; drops an earlier one of the key. */
export async function beginAppender(bucket: Bucket, key: ObjectKey, assertHeld?: () => void): Promise<Appender> {
  const before = await unlessMissing(loadRecord(bucket, key));
  if (before) await removePartial(bucket, [key]);
  return createAppender(bucket, key, { upload: undefined, completedBytes: 0, tail: nothing, digest: undefined }, assertHeld);
}

/** Continues a partial object of any process: reads its state from the store. Rejects `not_found`. */
export async function resumeAppender(bucket: Bucket, key: ObjectKey, assertHeld?: () => void): Promise<Appender> {
  return createAppender(bucket, key, await loadState(bucket, key, await loadRecord(bucket, key)), assertHeld);
}

/** The bytes are those of the multipart upload, or of the completed object without one, followed by the tail. */
interface State {
  readonly upload: MultipartUpload | undefined;
  readonly completedBytes: number;
  readonly tail: Uint8Array;
  /** Digest of all these bytes, if it is known. */
  readonly digest: Digest | undefined;
}

async function loadState(bucket: Bucket, key: ObjectKey, record: PartialRecord): Promise<State> {
  const { uploadId, bytesBeforeTail } = record;
  const upload = uploadId === undefined ? undefined : await resumeMultipart(bucket, dataKey(key), uploadId);
  // An upload that has ended was completed by a process that could not record it.
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

  /** Completes the multipart upload: its parts become one object. */
  async function seal(parts: MultipartUpload): Promise<void> {
    assertHeld();
    await parts.complete();
    completedBytes = parts.sizeBytes;
    upload = undefined;
    await record(tail, digest);
  }

  /** Makes all bytes one object, so that it can be read and copied. */
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
        // Needs no space, so that it works in a full store.
        await removePartial(bucket, [key]);
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
      // The object exists. `listPartial` finds what cannot be deleted now.
      await removeData(bucket, [key]).catch(() => undefined);
    },

    async abort() {
      if (ended) return;
      await removePartial(bucket, [key]);
      ended = true;
    },
  };
}

/** Yields the chunks of `source`. Throws `too_large` after more than `maxBytes`. */
async function* within(maxBytes: number, source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let left = maxBytes;
  for await (const chunk of source) {
    left -= chunk.length;
    if (left < 0) throw new StorageError('too_large', 'append: the object is larger than the store allows');
    yield chunk;
  }
}

/** Collects chunks into parts and sends them: one part is sent while the next one fills, so that at most two are in memory. */
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
    /**
     * Resolves to the rest that fills no part, after all parts are sent. Rejects if sending one failed: later ones are not
     * sent.
     */
    async finish(): Promise<Uint8Array> {
      await sending;
      return gathered.take();
    },
  };
}
