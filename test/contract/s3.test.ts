import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createS3Driver } from '../../storage/blobs/s3/s3-driver.ts';
import { largestObjectBytes, maxParts, partBytes, smallestPartBytes } from '../../storage/blobs/s3/part-sizes.ts';
import { describeWith } from '../support/requires.ts';
import { type TestBucket, createBucket, s3Programs } from '../support/s3-server.ts';
import { describeBlobDriver } from './blob-driver.ts';

test('10,000 parts hold 5 TiB, and the first parts are small', () => {
  const numbers = Array.from({ length: maxParts }, (_, index) => index + 1);
  const sizes = numbers.map(partBytes);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeGreaterThan(largestObjectBytes);
  expect(Math.min(...sizes)).toBeGreaterThan(smallestPartBytes);
  expect(Math.max(...sizes)).toBeLessThan(5 * 1024 ** 3);
  expect(partBytes(500)).toBeLessThan(16 * 1024 ** 2);
});

describeWith(s3Programs, 'Ceph', () => {
  let bucket: TestBucket;
  let stores = 0;

  beforeAll(async () => {
    bucket = await createBucket();
  }, 180_000);
  afterAll(() => bucket.remove(), 60_000);

  /** Each store is another prefix. */
  function makeStore() {
    const place = { ...bucket, bucket: bucket.name, forcePathStyle: true };
    const options = { ...place, prefix: `store/${stores++}`, stallMilliseconds: 5000 };
    return Promise.resolve({
      driver: createS3Driver(options),
      reopen: () => Promise.resolve(createS3Driver(options)),
      dispose: () => Promise.resolve(),
    });
  }

  describeBlobDriver('s3', makeStore);

  test('the driver says whether the bucket keeps old versions', async () => {
    const { driver } = await makeStore();
    expect(await driver.keepsVersions?.()).toBe(false);
    await bucket.s3.putBucketVersioning({ Bucket: bucket.name, VersioningConfiguration: { Status: 'Enabled' } });
    expect(await driver.keepsVersions?.()).toBe(true);
    await bucket.s3.putBucketVersioning({ Bucket: bucket.name, VersioningConfiguration: { Status: 'Suspended' } });
    expect(await driver.keepsVersions?.()).toBe(false);
    await driver.close();
  });
});
