import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type BlobDriver, type StorageError, objectKey } from '../../storage/blobs/driver.ts';
import type { S3Options } from '../../storage/blobs/s3/bucket.ts';
import { createS3Driver } from '../../storage/blobs/s3/s3-driver.ts';
import { chunked, contentOf } from '../contract/blob-driver/fixtures.ts';
import { type TestBerth, startBerth } from '../support/berth.ts';
import { s3Settings } from '../support/blobs.ts';
import { call } from '../support/call.ts';
import { type Fault, type FaultProxy, eachNth, startFaultProxy } from '../support/fault-proxy.ts';
import { type TestImage, digestOf, pushBlob, pushImage, startUpload } from '../support/images.ts';
import { describeWith } from '../support/requires.ts';
import { type TestBucket, createBucket, s3Programs } from '../support/s3-server.ts';

let bucket: Promise<TestBucket> | undefined;
const sharedBucket = () => (bucket ??= createBucket());

const everything = (fault: Fault) => () => fault;
const nothing = () => undefined;

const grown = objectKey('uploads/1');
const target = objectKey('target');
const bytes = randomBytes(20_000_000);

interface FaultyStore {
  readonly bucket: TestBucket;
  readonly proxy: FaultProxy;
  readonly driver: BlobDriver;
  /** For another driver of the same objects. */
  readonly place: S3Options;
}

let stores = 0;

const requestStallMilliseconds = 3000;
const bodyStallMilliseconds = 1500;

/** Only tests of a server that stalls wait for a time-out. For all others it is too long to end a request of a busy machine. */
const stallTimeFor = (row: readonly unknown[]) =>
  row.some((fault) => fault === 'stall' || fault === 'stall body') ? requestStallMilliseconds : undefined;

/** A test with a driver, a way to the bucket and a prefix there of its own: tests wait for time-outs beside each other. */
function overFaults<Row extends readonly unknown[]>(work: (store: FaultyStore, ...row: Row) => Promise<void>) {
  return async (...row: Row): Promise<void> => {
    const bucket = await sharedBucket();
    const proxy = await startFaultProxy(bucket.endpoint);
    const place = { ...bucket, bucket: bucket.name, endpoint: proxy.url, forcePathStyle: true, prefix: `store/${stores++}` };
    const stallMilliseconds = stallTimeFor(row);
    const driver = createS3Driver({ ...place, ...(stallMilliseconds !== undefined && { stallMilliseconds }) });
    try {
      await work({ bucket, proxy, driver, place }, ...row);
      proxy.decide = nothing;
      await driver.delete([target, grown]);
      const left: string[] = [];
      for await (const key of driver.list('')) left.push(key);
      for await (const { key } of driver.listPartial()) left.push(key);
      expect(left).toEqual([]);
    } finally {
      await driver.close();
      await proxy.close();
    }
  };
}

const code = (promise: Promise<unknown>) =>
  promise.then(
    () => 'resolved',
    (error: unknown) => (error as StorageError).code,
  );
const part = (first: number, last = bytes.length) => chunked(bytes.subarray(first, last), 65_536);

function testUploads(): void {
  describe('during uploads of the driver', () => {
    test.concurrent.each<Fault>(['slow down', 'cut', 'lose answer', 'stall'])(
      'an upload succeeds while each third request fails (%s)',
      overFaults<[Fault]>(async ({ driver, proxy }, fault) => {
        proxy.decide = eachNth(3, fault, 4);
        const appender = await driver.openAppender(grown, { resume: false });
        await appender.append(part(0, 9_000_000));
        await (await driver.openAppender(grown, { resume: true })).append(part(9_000_000));
        const last = await driver.openAppender(grown, { resume: true });
        await last.commit(target);
        expect((await contentOf(driver, target)).equals(bytes)).toBe(true);
      }),
      120_000,
    );

    test.concurrent.each<Fault>(['slow down', 'cut', 'lose answer', 'stall'])(
      'an upload during which the server fails (%s) keeps a prefix of its bytes',
      overFaults<[Fault]>(async ({ driver, proxy }, fault) => {
        const appender = await driver.openAppender(grown, { resume: false });
        await appender.append(part(0, 1_000_000));
        let parts = 0;
        proxy.decide = ({ path }) => (path.includes('partNumber') && ++parts > 1 ? fault : undefined);
        expect(await code(appender.append(part(1_000_000)))).toBe('unavailable');
        proxy.decide = nothing;
        const kept = appender.sizeBytes;
        expect(kept).toBeGreaterThan(1_000_000);
        await appender.append(part(kept));
        const other = await driver.openAppender(grown, { resume: true });
        expect(other.sizeBytes).toBe(bytes.length);
        await other.commit(target);
        expect((await contentOf(driver, target)).equals(bytes)).toBe(true);
      }),
      120_000,
    );

    test.concurrent.each(['uploadId', 'target'])(
      'a commit that fails at a request with %s can be repeated',
      overFaults<[string]>(async ({ driver, proxy }, step) => {
        const appender = await driver.openAppender(grown, { resume: false });
        await appender.append(part(0));
        for (const fault of ['slow down', 'cut', 'lose answer'] as const) {
          proxy.decide = ({ method, path }) => (method !== 'HEAD' && path.includes(step) ? fault : undefined);
          const outcome = await code(appender.commit(target));
          proxy.decide = nothing;
          if (outcome === 'resolved') break;
          expect(outcome).toBe('unavailable');
        }
        await appender.commit(target);
        expect((await contentOf(driver, target)).equals(bytes)).toBe(true);
      }),
    );
  });
}

function testRequests(): void {
  describe('during reads and other requests of the driver', () => {
    test.concurrent.each<Fault>(['cut body', 'stall body'])(
      'a body that ends early (%s) is an error',
      overFaults<[Fault]>(async ({ driver, proxy }, fault) => {
        await driver.put(target, bytes);
        proxy.decide = everything(fault);
        expect(await code(contentOf(driver, target))).toBe('unavailable');
      }),
    );

    test.concurrent.each<Fault>(['slow down', 'cut', 'stall'])(
      'every call rejects unavailable and none not_found while each request fails (%s)',
      overFaults<[Fault]>(async ({ driver, proxy }, fault) => {
        proxy.decide = everything(fault);
        const outcomes = await Promise.all([
          code(driver.stat(target)),
          code(driver.read(target)),
          code(driver.put(target, bytes.subarray(0, 10))),
          code(driver.openAppender(grown, { resume: true })),
          code(driver.check()),
        ]);
        expect(outcomes).toEqual(Array.from({ length: 5 }, () => 'unavailable'));
      }),
    );

    test.concurrent.each<Fault>(['cut body', 'stall body'])(
      'a reader requests the rest of a body that ends early twice (%s)',
      overFaults<[Fault]>(async ({ driver, proxy }, fault) => {
        await driver.put(target, bytes);
        let times = 0;
        proxy.decide = () => (++times <= 2 ? fault : undefined);
        expect((await contentOf(driver, target)).equals(bytes)).toBe(true);
        times = 0;
        expect(
          (await contentOf(driver, target, { first: 1_000_000, last: 9_000_000 })).equals(bytes.subarray(1_000_000, 9_000_001)),
        ).toBe(true);
      }),
    );

    test.concurrent(
      'a reader does not continue with an object that has replaced its own',
      overFaults(async ({ driver, proxy }) => {
        await driver.put(target, bytes);
        proxy.decide = eachNth(1, 'cut body');
        const object = await driver.read(target);
        proxy.decide = nothing;
        await driver.put(target, randomBytes(bytes.length));
        const received: Uint8Array[] = [];
        const reading = (async () => {
          for await (const chunk of object.stream()) received.push(chunk);
        })();
        expect(await code(reading)).toBe('unavailable');
        expect(Buffer.concat(received).equals(bytes.subarray(0, Buffer.concat(received).length))).toBe(true);
      }),
    );

    test.concurrent(
      'a conditional PUT that conflicts with another one is repeated',
      overFaults(async ({ driver, proxy }) => {
        let times = 0;
        proxy.decide = () => (++times <= 2 ? 'conflict' : undefined);
        await driver.put(target, bytes.subarray(0, 10), { ifAbsent: true });
        expect(times).toBe(3);
        expect(await code(driver.put(target, bytes, { ifAbsent: true }))).toBe('already_exists');
      }),
    );

    test.concurrent(
      'a slow reader is not mistaken for a stalled server',
      overFaults(async ({ driver, place }) => {
        await driver.put(target, bytes);
        const impatient = createS3Driver({ ...place, stallMilliseconds: bodyStallMilliseconds });
        const object = await impatient.read(target);
        let length = 0;
        for await (const chunk of object.stream()) {
          // Once, for longer than the driver waits for a server.
          if (length === 0) await new Promise((resolve) => setTimeout(resolve, 2 * bodyStallMilliseconds));
          length += chunk.length;
        }
        expect(length).toBe(bytes.length);
        await impatient.close();
      }),
    );

    test.concurrent(
      'objects have the configured encryption and storage class, and partial objects the standard class',
      overFaults(async ({ bucket, proxy }) => {
        const settings = { serverSideEncryption: 'aws:kms', kmsKeyId: 'key-1', storageClass: 'STANDARD_IA' } as const;
        const options = { ...bucket, bucket: bucket.name, endpoint: proxy.url, forcePathStyle: true, ...settings };
        const special = createS3Driver(options);
        proxy.decide = everything('cut');
        await code(special.put(target, bytes.subarray(0, 10)));
        proxy.decide = ({ method }) => (method === 'GET' ? undefined : 'cut');
        await code((await special.openAppender(grown, { resume: false })).append(part(0)));
        await special.close();
        const asked = (wanted: string) =>
          proxy.seen.find(({ method, path }) => method !== 'GET' && path.includes(wanted))?.headers;
        const encryption = { 'x-amz-server-side-encryption': 'aws:kms', 'x-amz-server-side-encryption-aws-kms-key-id': 'key-1' };
        expect(asked('/target')).toMatchObject({ ...encryption, 'x-amz-storage-class': 'STANDARD_IA' });
        expect(asked('?uploads')).toMatchObject(encryption);
        expect(asked('?uploads')).not.toHaveProperty('x-amz-storage-class');
      }),
    );
  });
}

function testClients(): void {
  describe('behind a berth with clients', () => {
    let berth: TestBerth;
    let proxy: FaultProxy;

    beforeEach(async () => {
      const bucket = await sharedBucket();
      proxy = await startFaultProxy(bucket.endpoint);
      // A prefix for each test: berth refuses a new database over a store that has blobs.
      const settings = { ...s3Settings(bucket), BERTH_STORAGE_BLOBS_S3_PREFIX: `clients/${stores++}/` };
      berth = await startBerth({ ...settings, BERTH_STORAGE_BLOBS_S3_ENDPOINT: proxy.url });
    });
    afterEach(async () => {
      proxy.decide = nothing;
      await berth.close();
      await proxy.close();
    });

    const unavailable = async (method: string, path: string, body?: Uint8Array) => {
      const answer = await call(berth, method, path, body ? { body } : {});
      expect([answer.status, answer.header('retry-after'), answer.codes()]).toEqual([503, '5', ['UNAVAILABLE']]);
    };

    test('clients get 503 and Retry-After if berth needs the bucket, and manifests that are in memory', async () => {
      const image = await pushImage(berth, 'app', '1');
      await call(berth, 'GET', '/v2/app/manifests/1');
      const location = await startUpload(berth, 'app');
      proxy.decide = everything('slow down');
      await unavailable('GET', `/v2/app/blobs/${digestOf(image.layer)}`);
      await unavailable('PATCH', location, randomBytes(10));
      await unavailable('POST', `/v2/app/blobs/uploads/?digest=${digestOf(image.layer)}`, image.layer);
      expect((await call(berth, 'GET', '/v2/app/manifests/1')).body.toString()).toBe(image.manifest);
      expect((await call(berth, 'HEAD', `/v2/app/blobs/${digestOf(image.layer)}`)).status).toBe(200);
      expect((await call(berth, 'GET', '/readyz')).status).toBe(503);
      proxy.decide = nothing;
      expect((await call(berth, 'GET', '/readyz')).status).toBe(200);
      expect((await call(berth, 'GET', `/v2/app/blobs/${digestOf(image.layer)}`)).body.equals(image.layer)).toBe(true);
    });

    test('an upload that failed in its middle continues at the offset that GET returns', async () => {
      const bytes = randomBytes(20_000_000);
      const location = await startUpload(berth, 'app');
      let parts = 0;
      proxy.decide = ({ path }) => (path.includes('partNumber') && ++parts > 1 ? 'cut' : undefined);
      await unavailable('PATCH', location, bytes);
      proxy.decide = nothing;
      const kept = Number((await call(berth, 'GET', location)).header('range').slice(2)) + 1;
      expect(kept).toBeGreaterThan(1_000_000);
      await call(berth, 'PATCH', location, { body: bytes.subarray(kept) });
      expect((await call(berth, 'PUT', `${location}?digest=${digestOf(bytes)}`, { body: '' })).status).toBe(201);
      expect((await call(berth, 'GET', `/v2/app/blobs/${digestOf(bytes)}`)).body.equals(bytes)).toBe(true);
    });

    test('an upload keeps its hash over a restart, and no byte is read back', async () => {
      const bytes = randomBytes(20_000_000);
      const location = await startUpload(berth, 'app');
      await call(berth, 'PATCH', location, { body: bytes });
      berth = await berth.restart();
      const before = proxy.seen.length;
      expect((await call(berth, 'PUT', `${location}?digest=${digestOf(bytes)}`, { body: '' })).status).toBe(201);
      const reads = proxy.seen.slice(before).filter(({ method, path }) => method === 'GET' && path.includes('/data/'));
      expect(reads.filter(({ path }) => !path.includes('uploadId'))).toEqual([]);
      expect((await call(berth, 'GET', `/v2/app/blobs/${digestOf(bytes)}`)).body.equals(bytes)).toBe(true);
    });

    test('a download whose source breaks off is cut', async () => {
      const bytes = randomBytes(5_000_000);
      const digest = await pushBlob(berth, 'app', bytes);
      proxy.decide = everything('cut body');
      await expect(call(berth, 'GET', `/v2/app/blobs/${digest}`)).rejects.toThrow();
    });

    test('twelve clients get everything acknowledged back byte for byte although each seventh request fails', async () => {
      const faults: readonly Fault[] = ['slow down', 'cut', 'lose answer', 'cut body'];
      let count = 0;
      proxy.decide = () => (++count % 7 === 0 ? faults[(count / 7) % faults.length] : undefined);
      const pushed = await Promise.all(
        Array.from({ length: 12 }, async (_, client) => {
          const images: { path: string; tag: string; image: TestImage }[] = [];
          for (let round = 0; round < 4; round++) {
            const image = await pushImage(berth, `app${client}`, `t${round}`).catch(() => undefined);
            if (image) images.push({ path: `/v2/app${client}`, tag: `t${round}`, image });
          }
          return images;
        }),
      );
      proxy.decide = nothing;
      expect(pushed.flat().length).toBeGreaterThan(20);
      for (const { path, tag, image } of pushed.flat()) {
        expect((await call(berth, 'GET', `${path}/manifests/${tag}`)).body.toString()).toBe(image.manifest);
        expect((await call(berth, 'GET', `${path}/blobs/${digestOf(image.layer)}`)).body.equals(image.layer)).toBe(true);
      }
    }, 120_000);
  });
}

describeWith(s3Programs, 'a failing S3 server', () => {
  beforeAll(sharedBucket, 180_000);
  afterAll(async () => (await sharedBucket()).remove(), 60_000);

  testUploads();
  testRequests();
  testClients();
});
