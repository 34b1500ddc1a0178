import type { Readable } from 'node:stream';
import { type ByteRange, type OpenObject, StorageError } from '../driver.ts';
import type { Bucket } from './bucket.ts';
import { toStorageError } from './errors.ts';

/** How often a stream continues after a broken connection: the SDK retries requests, but not bodies. */
const maxResumptions = 5;

/** Opens an object for reading. Rejects `not_found`, `range_not_satisfiable`. */
export async function openObject(bucket: Bucket, key: string, range?: ByteRange): Promise<OpenObject> {
  const { sizeBytes, range: sent, etag, ...first } = await request(bucket, key, range && { range });
  let { body } = first;
  let closed = false;
  const isClosed = () => closed;

  /** Requests the rest of the object; the ETag excludes an object that has replaced it. */
  async function resume(from: number): Promise<void> {
    const rest = await request(bucket, key, { range: { first: from, last: sent.last }, etag }).catch((error: unknown) => {
      throw new StorageError('unavailable', 'read: the rest of the object is not available', { cause: error });
    });
    body = rest.body;
    if (closed) body.destroy();
  }

  return {
    sizeBytes,
    range: sent,
    async *stream() {
      let at = sent.first;
      let failure: unknown;
      for (let resumptions = 0; at <= sent.last && !isClosed(); resumptions++) {
        if (resumptions > maxResumptions) throw toStorageError(failure, 'read');
        try {
          if (resumptions > 0) await resume(at);
          for await (const chunk of unlessStalled(body, bucket.stallMilliseconds)) {
            at += chunk.length;
            yield chunk;
          }
          failure = new Error('the server ended the body early');
        } catch (error) {
          failure = error;
        }
      }
    },
    close() {
      closed = true;
      body.destroy();
      return Promise.resolve();
    },
  };
}

interface Response extends Sent {
  readonly etag: string | undefined;
  readonly body: Readable;
}

interface Wanted {
  readonly range: ByteRange;
  readonly etag?: string | undefined;
}

async function request(bucket: Bucket, key: string, wanted?: Wanted): Promise<Response> {
  const fields = wanted && { Range: `bytes=${wanted.range.first}-${wanted.range.last}`, IfMatch: wanted.etag };
  const response = await bucket.request('read', 0, (options) =>
    bucket.s3.getObject({ ...bucket.place(key), ...fields }, options),
  );
  const body = response.Body as Readable;
  const sent = wanted ? parseContentRange(response.ContentRange) : wholeOf(response.ContentLength);
  if (sent) return { ...sent, etag: response.ETag, body };
  body.destroy();
  throw new StorageError('unavailable', 'read: the response does not state its length');
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

/** Yields the chunks of the body. Throws if the server sends nothing for a while; the reader may take any time. */
async function* unlessStalled(body: Readable, stallMilliseconds: number): AsyncGenerator<Uint8Array> {
  const startTimer = () => setTimeout(() => body.destroy(new Error('the server has stopped sending')), stallMilliseconds);
  let timer = startTimer();
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      clearTimeout(timer);
      yield chunk;
      timer = startTimer();
    }
  } finally {
    clearTimeout(timer);
  }
}

/** Reads a small object, or a range of it. Rejects `not_found`. */
export async function readWhole(bucket: Bucket, key: string, range?: ByteRange): Promise<Buffer> {
  const object = await openObject(bucket, key, range);
  const chunks: Uint8Array[] = [];
  for await (const chunk of object.stream()) chunks.push(chunk);
  return Buffer.concat(chunks);
}
