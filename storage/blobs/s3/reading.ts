import type { Readable } from 'node:stream';
import { type ByteRange, type OpenObject, StorageError } from '../driver.ts';
import type { Bucket } from './bucket.ts';
import { toStorageError } from './errors.ts';

/** How often one reading goes on after its connection broke: the SDK tries requests again, but no bodies. */
const maxResumptions = 5;

/** Opens an object for reading. Rejects `not_found`, `range_not_satisfiable`. */
export async function openObject(bucket: Bucket, key: string, range?: ByteRange): Promise<OpenObject> {
  const { sizeBytes, range: sent, etag, ...first } = await request(bucket, key, range && { range });
  let { body } = first;
  let closed = false;
  const isClosed = () => closed;

  /** The rest of the same object, and of no other that has taken its place. */
  async function resume(from: number): Promise<void> {
    const rest = await request(bucket, key, { range: { first: from, last: sent.last }, etag }).catch((error: unknown) => {
      throw new StorageError('unavailable', 'read: the rest is not to be had', { cause: error });
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
          for await (const chunk of impatiently(body, bucket.patienceMilliseconds)) {
            at += chunk.length;
            yield chunk;
          }
          failure = new Error('the server broke off');
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

interface Answer extends Sent {
  readonly etag: string | undefined;
  readonly body: Readable;
}

interface Wanted {
  readonly range: ByteRange;
  readonly etag?: string | undefined;
}

async function request(bucket: Bucket, key: string, wanted?: Wanted): Promise<Answer> {
  const which = wanted && { Range: `bytes=${wanted.range.first}-${wanted.range.last}`, IfMatch: wanted.etag };
  const answer = await bucket.request('read', 0, (options) => bucket.s3.getObject({ ...bucket.place(key), ...which }, options));
  const body = answer.Body as Readable;
  const sent = wanted ? parseContentRange(answer.ContentRange) : wholeOf(answer.ContentLength);
  if (sent) return { ...sent, etag: answer.ETag, body };
  body.destroy();
  throw new StorageError('unavailable', 'read: the server does not say what it sends');
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

/** The body as it comes. A server that stands still is a failure; a reader that does is none. */
async function* impatiently(body: Readable, patienceMilliseconds: number): AsyncGenerator<Uint8Array> {
  const impatience = () => setTimeout(() => body.destroy(new Error('the server stands still')), patienceMilliseconds);
  let timer = impatience();
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      clearTimeout(timer);
      yield chunk;
      timer = impatience();
    }
  } finally {
    clearTimeout(timer);
  }
}

/** All of a small object. Rejects `not_found`. */
export async function readWhole(bucket: Bucket, key: string, range?: ByteRange): Promise<Buffer> {
  const object = await openObject(bucket, key, range);
  const chunks: Uint8Array[] = [];
  for await (const chunk of object.stream()) chunks.push(chunk);
  return Buffer.concat(chunks);
}
