import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { describe as describeStatus } from '../../src/cli/maintenance/gc/describe-status.ts';
import { createTrash } from '../../src/content/trash.ts';
import { createAuditor } from '../../src/maintenance/collect/audit.ts';
import { createCollector } from '../../src/maintenance/collect/collector.ts';
import { createCollectionOverview } from '../../src/maintenance/collect/overview.ts';
import { blobKey } from '../../storage/blobs/layout.ts';
import { unlessMissing } from '../../storage/blobs/missing.ts';
import { createS3Driver } from '../../storage/blobs/s3/s3-driver.ts';
import { largestObjectBytes, maxParts, partBytes, smallestPartBytes } from '../../storage/blobs/s3/part-sizes.ts';
import { call } from '../support/call.ts';
import { pushBlob } from '../support/images.ts';
import { describeWith } from '../support/requires.ts';
import { type TestBucket, createBucket, s3Programs } from '../support/s3-server.ts';
import { openVerifiedRegistry } from '../support/verification.ts';
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

  /** Tells the bucket to keep old versions, or to keep none of later objects. */
  const setVersioning = (Status: 'Enabled' | 'Suspended') =>
    bucket.s3.putBucketVersioning({ Bucket: bucket.name, VersioningConfiguration: { Status } });

  test('the driver says whether the bucket keeps old versions, also those from before it stopped keeping them', async () => {
    const { driver } = await makeStore();
    expect(await driver.keepsVersions?.()).toBe(false);
    await setVersioning('Enabled');
    expect(await driver.keepsVersions?.()).toBe(true);
    await setVersioning('Suspended');
    expect(await driver.keepsVersions?.()).toBe(true);
    await driver.close();
  });

  test('in a bucket with old versions deleted bytes are gone for clients, take space still, and can be pushed again', async () => {
    const prefix = `store/${stores}`;
    await setVersioning('Enabled');
    const registry = await openVerifiedRegistry(async () => (await makeStore()).driver);
    const { driver, metadata, server, clock } = registry;
    try {
      const collect = async () => {
        clock.time += 3 * 3_600_000;
        const now = () => clock.time;
        const events = { purged: () => undefined, trashed: () => undefined, failed: () => undefined };
        const trash = createTrash({ driver, metadata, now });
        const parts = { driver, metadata, now, trash, maxPerSecond: 1000, trashWindowMs: 0, events };
        const collector = createCollector(parts);
        const auditor = createAuditor({ metadata, now });
        const result = await collector.run();
        return { result, status: await createCollectionOverview({ ...parts, collector, auditor }).status() };
      };
      const bytes = Buffer.alloc(1000, 'x');
      const digest = await pushBlob(server, 'app', bytes);
      const path = `/v2/app/blobs/${digest}`;
      const versionsOf = async () => {
        const { Versions = [], DeleteMarkers = [] } = await bucket.s3.listObjectVersions({
          Bucket: bucket.name,
          Prefix: `${prefix}/${blobKey(digest)}`,
        });
        return { sizes: Versions.map(({ Size }) => Size), deletions: DeleteMarkers.length };
      };
      const { result, status } = await collect();
      expect(result).toMatchObject({ purgedBlobs: 1, purgedBytes: 1000, failures: 0 });
      expect((await call(server, 'GET', path)).status).toBe(404);
      expect(await unlessMissing(driver.stat(blobKey(digest)))).toBeUndefined();
      expect(await versionsOf()).toEqual({ sizes: [1000], deletions: 1 });
      expect(status.keepsVersions).toBe(true);
      expect(describeStatus(status, undefined).flat()).toContainEqual(expect.stringContaining('deletions free nothing until'));
      await pushBlob(server, 'app', bytes);
      expect((await call(server, 'HEAD', path)).status).toBe(200);
      expect((await driver.stat(blobKey(digest))).sizeBytes).toBe(1000);
      // The versions from before stay when the bucket keeps no further ones.
      await setVersioning('Suspended');
      expect(await collect()).toMatchObject({ result: { purgedBlobs: 1 }, status: { keepsVersions: true } });
      expect((await versionsOf()).sizes).toEqual([1000, 1000]);
    } finally {
      await registry.close();
    }
  }, 60_000);
});
