import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Digest } from '../../src/oci/digest.ts';
import { type BlobDriver, type StorageError, objectKey } from '../../storage/blobs/driver.ts';
import { createS3Driver } from '../../storage/blobs/s3/s3-driver.ts';
import type { S3Options } from '../../storage/blobs/s3/bucket.ts';
import { partBytes } from '../../storage/blobs/s3/part-sizes.ts';
import { describeWith } from '../support/requires.ts';
import { type TestBucket, createBucket, s3Programs } from '../support/s3-server.ts';
import { until } from '../support/until.ts';
import { chunked, contentOf } from './blob-driver/fixtures.ts';

const opened: BlobDriver[] = [];
let bucket: TestBucket;
let prefixes = 0;
const grown = objectKey('uploads/1');
const target = objectKey('target');
const bytes = randomBytes(30_000_000);
let prefix: string;
let driver: BlobDriver;

const open = (settings: Partial<S3Options> = {}) => {
  const other = createS3Driver({
    ...bucket,
    bucket: bucket.name,
    prefix,
    forcePathStyle: true,
    stallMilliseconds: 5000,
    ...settings,
  });
  opened.push(other);
  return other;
};
const code = (promise: Promise<unknown>) =>
  promise.then(
    () => 'resolved',
    (error: unknown) => (error as StorageError).code,
  );
const part = (first: number, last: number) => chunked(bytes.subarray(first, last), 65_536);
async function read(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks);
}
async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const found: Item[] = [];
  for await (const item of items) found.push(item);
  return found;
}

function testUploads(): void {
  describe('uploads', () => {
    /** The bytes so far, held by nobody's memory. */
    async function growTo(length: number): Promise<void> {
      const appender = await driver.openAppender(grown, { resume: false });
      await appender.append(part(0, length));
      await appender.close();
    }

    test.each([100_000, 5_000_000, 9_999_999, 30_000_000])(
      'chunks of %d bytes can each come from another process',
      async (size) => {
        await growTo(0);
        for (let at = 0; at < bytes.length && at < size * 20; at += size) {
          const appender = await open().openAppender(grown, { resume: at > 0 });
          expect(appender.sizeBytes).toBe(at);
          await appender.append(part(at, at + size));
        }
        const appender = await open().openAppender(grown, { resume: true });
        await appender.commit(target);
        expect((await contentOf(driver, target)).equals(bytes.subarray(0, size * 20))).toBe(true);
      },
    );

    test('an upload continues after its bytes were read back in its middle', async () => {
      await growTo(20_000_000);
      for (const end of [20_500_000, 30_000_000]) {
        const appender = await open().openAppender(grown, { resume: true });
        expect((await read(appender.readBack())).equals(bytes.subarray(0, appender.sizeBytes))).toBe(true);
        await appender.append(part(appender.sizeBytes, end));
      }
      const appender = await open().openAppender(grown, { resume: true });
      expect((await read(appender.readBack())).equals(bytes)).toBe(true);
      await appender.commit(target);
      expect((await contentOf(driver, target)).equals(bytes)).toBe(true);
    });

    test.each([0, 1_000_000, 12_345_678, 19_999_999])('truncate to %d bytes removes bytes of finished parts', async (length) => {
      await growTo(20_000_000);
      const first = await open().openAppender(grown, { resume: true });
      await first.truncate(length);
      expect(first.sizeBytes).toBe(length);
      const second = await open().openAppender(grown, { resume: true });
      expect(second.sizeBytes).toBe(length);
      await second.append(part(length, bytes.length));
      await second.commit(target);
      expect((await contentOf(driver, target)).equals(bytes)).toBe(true);
    });

    test('a digest is known only for exactly its bytes', async () => {
      const resumed = () => open().openAppender(grown, { resume: true });
      const digestOf = (sizeBytes: number) => `sha256:${String(sizeBytes).padStart(64, '0')}` as Digest;
      for (const [from, to] of [
        [0, 1_000_000],
        [1_000_000, 20_000_000],
        [20_000_000, partBytes(1) + partBytes(2) + partBytes(3)],
      ] as const) {
        const appender = await (from === 0 ? driver.openAppender(grown, { resume: false }) : resumed());
        await appender.append(part(from, to), digestOf);
        expect((await resumed()).knownDigest).toBe(digestOf(to));
      }
      await read((await resumed()).readBack());
      expect((await resumed()).knownDigest).toBe(digestOf((await resumed()).sizeBytes));
      await (await resumed()).append(part(29_000_000, 29_000_001));
      expect((await resumed()).knownDigest).toBeUndefined();
      await (await resumed()).append(part(29_000_001, 29_000_002), digestOf);
      await (await resumed()).truncate(10_000_000);
      expect((await resumed()).knownDigest).toBeUndefined();
      await driver.delete([grown]);
    });

    test('a process that dies in the middle of an append leaves whole parts, after which the next process continues', async () => {
      const dying = open();
      const first = await dying.openAppender(grown, { resume: false });
      const died = Promise.withResolvers<never>();
      async function* endless(): AsyncGenerator<Uint8Array> {
        yield* part(0, 20_000_000);
        yield await died.promise;
      }
      const appending = first.append(endless());
      const sizeNow = async () => (await driver.openAppender(grown, { resume: true }).catch(() => undefined))?.sizeBytes;
      await until(async () => (await sizeNow()) === partBytes(1) + partBytes(2));
      await dying.close();
      died.reject(new Error('dead'));
      await expect(appending).rejects.toThrow('closed');
      const second = await driver.openAppender(grown, { resume: true });
      await second.append(part(second.sizeBytes, bytes.length));
      await second.commit(target);
      expect((await contentOf(driver, target)).equals(bytes)).toBe(true);
    });

    test('an upload that was aborted on the server rejects not_found', async () => {
      await growTo(20_000_000);
      const { Uploads = [] } = await bucket.s3.listMultipartUploads({ Bucket: bucket.name, Prefix: prefix });
      for (const { Key, UploadId } of Uploads) await bucket.s3.abortMultipartUpload({ Bucket: bucket.name, Key, UploadId });
      expect([Uploads.length, await code(open().openAppender(grown, { resume: true }))]).toEqual([1, 'not_found']);
      await (await driver.openAppender(grown, { resume: false })).abort();
    });

    test('a multipart upload without a record is found and deleted', async () => {
      await bucket.s3.createMultipartUpload({ Bucket: bucket.name, Key: `${prefix}/.berth/growing/data/${grown}` });
      expect((await all(driver.listPartial())).map(({ key }) => key)).toEqual([grown]);
      await driver.delete([objectKey('other'), grown]);
    });
  });
}

function testRequests(): void {
  describe('requests', () => {
    test('list and delete take more keys than one request holds', async () => {
      const keys = Array.from({ length: 1100 }, (_, index) => objectKey(`many/${String(index).padStart(4, '0')}`));
      for (let at = 0; at < keys.length; at += 50) {
        await Promise.all(keys.slice(at, at + 50).map((key) => driver.put(key, new Uint8Array())));
      }
      expect(await all(driver.list('many/'))).toEqual(keys);
      expect(await all(driver.list('many/', { startAfter: 'many/0050' }))).toEqual(keys.slice(51));
      expect((await driver.delete(keys)).size).toBe(0);
    }, 60_000);

    test('a presigned URL serves the object and its ranges without further authentication', async () => {
      await driver.put(target, bytes.subarray(0, 1000));
      const url = (await driver.presignRead(target, 60)) ?? '';
      const answer = await fetch(url, { headers: { range: 'bytes=10-19' } });
      expect([answer.status, Buffer.from(await answer.arrayBuffer())]).toEqual([206, bytes.subarray(10, 20)]);
      expect((await fetch(url.replace(/X-Amz-Signature=./, 'X-Amz-Signature=x'))).status).toBe(403);
      expect(await open({ publicEndpoint: 'http://s3.example.com' }).presignRead(target, 60)).toMatch(
        /^http:\/\/s3\.example\.com\//,
      );
      expect(await open({ presignedReads: false }).presignRead(target, 60)).toBeUndefined();
    });

    test('ifAbsent finds an existing object also on a server without conditional PUT', async () => {
      const simple = open({ conditionalPut: false });
      await simple.put(target, bytes.subarray(0, 10), { ifAbsent: true });
      expect(simple.capabilities.atomicIfAbsent).toBe(false);
      expect(await code(simple.put(target, bytes, { ifAbsent: true }))).toBe('already_exists');
      expect((await driver.stat(target)).sizeBytes).toBe(10);
    });

    test('a wrong key is denied, a missing bucket or server is unavailable, and none is not_found', async () => {
      const credentials = { accessKeyId: 'AKIATEST', secretAccessKey: 'wrong' };
      expect(await code(open({ credentials }).read(target))).toBe('denied');
      expect(await code(open({ bucket: 'nowhere-at-all' }).read(target))).toBe('unavailable');
      expect(await code(open({ endpoint: 'http://127.0.0.1:1' }).read(target))).toBe('unavailable');
      for (const broken of [{ credentials }, { bucket: 'nowhere-at-all' }, { endpoint: 'http://127.0.0.1:1' }]) {
        expect(await code(open(broken).check())).toBe('unavailable');
      }
    });

    test('the message of an error names the bucket and the cause', async () => {
      await expect(open({ bucket: 'nowhere-at-all' }).read(target)).rejects.toThrow(
        'S3 bucket nowhere-at-all: read: NoSuchBucket',
      );
      await expect(open({ endpoint: 'http://127.0.0.1:1' }).check()).rejects.toThrow('connect ECONNREFUSED 127.0.0.1:1');
    });

    test('an error does not contain the secret key', async () => {
      const credentials = { accessKeyId: 'AKIATEST', secretAccessKey: 'do-not-tell' };
      const error: unknown = await open({ credentials })
        .read(target)
        .catch((reason: unknown) => reason);
      expect(JSON.stringify(error) + String((error as Error).cause)).not.toContain('do-not-tell');
    });
  });
}

describeWith(s3Programs, 'the driver of S3', () => {
  beforeAll(async () => {
    bucket = await createBucket();
  }, 180_000);
  afterAll(() => bucket.remove(), 60_000);

  beforeEach(() => {
    prefix = `special/${prefixes++}`;
    driver = open();
  });
  afterEach(async () => {
    await driver.delete([target]);
    const left = [await all(driver.list('')), await all(driver.listPartial())];
    for (const one of opened.splice(0)) await one.close();
    expect(left).toEqual([[], []]);
  });

  testUploads();
  testRequests();
});
