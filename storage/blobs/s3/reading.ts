import type { Readable } from 'node:stream';
import { type ByteRange, type OpenObject, StorageError } from '../driver.ts';
import type { Bucket } from './bucket.ts';
import { toStorageError } from './errors.ts';

/** Opens an object for reading. Rejects `not_found`, `range_not_satisfiable`. */
export async function openObject(bucket: Bucket, key: string, range?: ByteRange): Promise<OpenObject> {
  const wanted = range && { Range: `bytes=${range.first}-${range.last}` };
  const answer = await bucket.request('read', 0, (options) => bucket.s3.getObject({ ...bucket.place(key), ...wanted }, options));
  const body = answer.Body as Readable;
  const sent = range ? parseContentRange(answer.ContentRange) : wholeOf(answer.ContentLength);
  if (!sent) {
    body.destroy();
    throw new StorageError('unavailable', 'read: the server does not say what it sends');
  }
  let closed = false;
  return {
    ...sent,
    async *stream() {
      try {
        yield* streamOf(body, sent.range, bucket.patienceMilliseconds);
      } catch (error) {
        if (!closed) throw toStorageError(error, 'read');
      }
    },
    close() {
      closed = true;
      body.destroy();
      return Promise.resolve();
    },
  };
}

interface Sent {
  readonly sizeBytes: number;
  readonly range: ByteRange;
}

function wholeOf(length: number | undefined): Sent | undefined {
  return length === undefined ? undefined : { sizeBytes: length, range: { first: 0, last: length - 1 } };
}

function parseContentRange(header = ''): Sent | undefined {
  const match = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(header);
  return match ? { sizeBytes: Number(match[3]), range: { first: Number(match[1]), last: Number(match[2]) } } : undefined;
}

/** The body to its announced end. A server that stands still, breaks off or sends less is a failure. */
async function* streamOf(body: Readable, range: ByteRange, patienceMilliseconds: number): AsyncGenerator<Uint8Array> {
  let left = range.last - range.first + 1;
  const impatience = () => setTimeout(() => body.destroy(new Error('the server stands still')), patienceMilliseconds);
  let timer = impatience();
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      clearTimeout(timer);
      left -= chunk.length;
      yield chunk;
      timer = impatience();
    }
  } finally {
    clearTimeout(timer);
  }
  if (left > 0) throw new StorageError('unavailable', `read: the server broke off ${left} bytes before the end`);
}

/** All of a small object. Rejects `not_found`. */
export async function readWhole(bucket: Bucket, key: string, range?: ByteRange): Promise<Buffer> {
  const object = await openObject(bucket, key, range);
  const chunks: Uint8Array[] = [];
  for await (const chunk of object.stream()) chunks.push(chunk);
  return Buffer.concat(chunks);
}
