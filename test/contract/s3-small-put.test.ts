import { type IncomingHttpHeaders, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { type BlobDriver, type StorageError, objectKey } from '../../storage/blobs/driver.ts';
import type { S3Options } from '../../storage/blobs/s3/bucket.ts';
import { createS3Driver } from '../../storage/blobs/s3/s3-driver.ts';
import { describeWith } from '../support/requires.ts';
import { type TestBucket, createBucket, s3Programs } from '../support/s3-server.ts';
import { contentOf } from './blob-driver/fixtures.ts';

const target = objectKey('target');
const opened: BlobDriver[] = [];
let bucket: TestBucket;

function open(settings: Partial<S3Options>): BlobDriver {
  const driver = createS3Driver({ ...bucket, bucket: bucket.name, prefix: 'small', forcePathStyle: true, ...settings });
  opened.push(driver);
  return driver;
}
const code = (promise: Promise<unknown>) =>
  promise.then(
    () => 'resolved',
    (error: unknown) => (error as StorageError).code,
  );

// The driver writes small objects without most of the SDK, which must go unnoticed but for its cost.
describeWith(s3Programs, 'a small object in S3', () => {
  beforeAll(async () => {
    bucket = await createBucket();
  }, 180_000);
  afterAll(() => bucket.remove(), 60_000);
  afterEach(async () => {
    for (const driver of opened.splice(0)) await driver.close();
  });

  let sent = 0;
  const counting = (settings: Partial<S3Options> = {}) =>
    open({
      ...settings,
      watchRequest: (_, send) => {
        sent++;
        return send({});
      },
    });
  const small = Buffer.from('small');

  beforeEach(() => {
    sent = 0;
  });

  test('is written and replaced with one request each, as the server verifies', async () => {
    const counted = counting();
    await counted.put(target, Buffer.from('before'));
    await counted.put(target, small);
    expect(sent).toBe(2);
    expect((await contentOf(counted, target)).equals(small)).toBe(true);
    const { ContentType } = await bucket.s3.headObject({ Bucket: bucket.name, Key: `small/${target}` });
    expect(ContentType).toBe('application/octet-stream');
  });

  test('is refused with the error of the SDK, which sends all later ones', async () => {
    const counted = counting({ credentials: { ...bucket.credentials, secretAccessKey: 'wrong' } });
    expect(await code(counted.put(target, small))).toBe('denied');
    expect(sent).toBe(2);
    expect(await code(counted.put(target, small))).toBe('denied');
    expect(sent).toBe(3);
    expect(await code(open({ endpoint: 'http://127.0.0.1:1' }).put(target, small))).toBe('unavailable');
    expect(await code(open({ bucket: 'nowhere-at-all' }).put(target, small))).toBe('unavailable');
  });

  test('is written although the server fails once, with the fields of the configuration', async () => {
    const requests: { readonly headers: IncomingHttpHeaders; readonly url: string | undefined }[] = [];
    const server = createServer(({ headers, url }, response) => {
      requests.push({ headers, url });
      response.writeHead(requests.length === 1 ? 503 : 200, { 'Content-Length': 0 }).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const other = open({
      bucket: 'b',
      prefix: 'some where',
      endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      serverSideEncryption: 'aws:kms',
      kmsKeyId: 'key',
      storageClass: 'STANDARD_IA',
    });
    try {
      await other.put(target, small);
      await other.put(target, small);
    } finally {
      server.close();
    }
    expect(requests.map(({ url }) => url?.split('?')[0])).toEqual(Array(3).fill('/b/some%20where/target'));
    // The first, of the driver, fails; the SDK repeats it, and the driver sends the next one.
    expect(requests.map(({ headers }) => headers['user-agent']?.includes('aws-sdk') ?? false)).toEqual([false, true, false]);
    for (const { headers } of requests) {
      expect(headers).toMatchObject({
        'x-amz-server-side-encryption': 'aws:kms',
        'x-amz-server-side-encryption-aws-kms-key-id': 'key',
        'x-amz-storage-class': 'STANDARD_IA',
      });
      expect(headers.authorization).toMatch(/SignedHeaders=[^,]*host[^,]*x-amz-storage-class/);
    }
  });
});
