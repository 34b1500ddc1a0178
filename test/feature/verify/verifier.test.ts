import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { nameImages } from '../../../src/maintenance/verify/affected-images.ts';
import { WrongStore } from '../../../src/maintenance/verify/verifier.ts';
import { mediaTypes } from '../../../src/oci/media-types.ts';
import { createS3Driver } from '../../../storage/blobs/s3/s3-driver.ts';
import { call } from '../../support/call.ts';
import {
  type TestImage,
  descriptor,
  digestOf,
  newImage,
  pushBlob,
  pushBlobs,
  pushImage,
  putManifest,
} from '../../support/images.ts';
import { describeWith } from '../../support/requires.ts';
import { type TestBucket, createBucket, s3Programs } from '../../support/s3-server.ts';
import {
  type VerifiedRegistry,
  atOnce,
  damage,
  damages,
  openVerifiedRegistry,
  readingDriver,
  storeFailures,
} from '../../support/verification.ts';

let registry: VerifiedRegistry;
const check = async (verifier = registry.verifier()) => verifier.check(await registry.contents(), 'deep', atOnce);
const statusOf = async (method: string, path: string) => (await call(registry.server, method, path)).status;

/**
 * Expects damaged content to be found, named and not served, and to be served again after a push. `before`: status of a
 * pull until then.
 */
async function expectFoundAndHealed(change: (bytes: Buffer) => Buffer | undefined, before: number): Promise<void> {
  const image = await pushImage(registry.server, 'team/app', '1.0');
  const other = await pushImage(registry.server, 'team/other', '1.0');
  const layer = digestOf(image.layer);
  await damage(registry.driver, layer, change);
  const path = `/v2/team/app/blobs/${layer}`;
  expect(await statusOf('GET', path)).toBe(before);
  const { checked, corrupt, unreadable } = await check();
  expect([checked, unreadable]).toEqual([6, []]);
  expect(corrupt.map(({ digest, images }) => [digest, nameImages(images)])).toEqual([[layer, ['team/app:1.0 (linux/amd64)']]]);
  expect([await statusOf('HEAD', path), await statusOf('GET', path)]).toEqual([404, 404]);
  expect((await putManifest(registry.server, 'team/app', '2.0', image.manifest)).codes()).toEqual(['MANIFEST_BLOB_UNKNOWN']);
  expect(await statusOf('GET', `/v2/team/other/blobs/${digestOf(other.layer)}`)).toBe(200);
  await pushBlob(registry.server, 'team/app', image.layer);
  expect((await call(registry.server, 'GET', path)).body.equals(image.layer)).toBe(true);
  expect(await check()).toMatchObject({ checked: 6, corrupt: [], repaired: [] });
}

/** Status of a pull before the verification: only a file with another size is recognised then. */
const statusBefore = (damageName: string) => (damageName === 'flipped bit' ? 200 : 500);

describe('corrupt content', () => {
  beforeEach(async () => {
    registry = await openVerifiedRegistry();
  });
  afterEach(() => registry.close());

  test.each(Object.entries(damages))(
    'a blob with a %s is found, named, not served, and healed by a push',
    async (name, change) => {
      await expectFoundAndHealed(change, statusBefore(name));
    },
  );

  test.each(Object.entries(damages))(
    'a manifest with a %s is not served under its tag until it is pushed again',
    async (_name, change) => {
      const image = await pushImage(registry.server, 'team/app', '1.0');
      // The server keeps its bytes in memory.
      expect(await statusOf('GET', '/v2/team/app/manifests/1.0')).toBe(200);
      await damage(registry.driver, image.digest, change);
      expect((await check()).corrupt.map(({ digest, images }) => [digest, images.map(({ tags }) => tags)])).toEqual([
        [image.digest, [['1.0']]],
      ]);
      for (const reference of ['1.0', image.digest])
        for (const method of ['HEAD', 'GET']) expect(await statusOf(method, `/v2/team/app/manifests/${reference}`)).toBe(404);
      expect((await putManifest(registry.server, 'team/app', '1.0', image.manifest)).status).toBe(201);
      expect(await statusOf('GET', '/v2/team/app/manifests/1.0')).toBe(200);
      expect(await check()).toMatchObject({ corrupt: [] });
    },
  );

  test('every image, tag and platform that needs a damaged layer is named', async () => {
    const images: TestImage[] = [newImage({ annotations: { n: '1' } }), newImage({ annotations: { n: '2' } })];
    for (const image of images) {
      await pushBlobs(registry.server, 'app', image);
      await putManifest(registry.server, 'app', image.digest, image.manifest);
    }
    const platforms = [
      { os: 'linux', architecture: 'amd64' },
      { os: 'linux', architecture: 'arm64', variant: 'v8' },
    ];
    const manifests = images.map(({ manifest }, at) => ({
      ...descriptor(manifest, mediaTypes.ociManifest),
      platform: platforms[at],
    }));
    const index = JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests });
    for (const tag of ['1', 'latest']) await putManifest(registry.server, 'app', tag, index, mediaTypes.ociIndex);
    const layer = digestOf(images[1]?.layer ?? '');
    await damage(registry.driver, layer, () => Buffer.from('other'));
    const [finding] = (await check()).corrupt;
    expect(finding).toMatchObject({ digest: layer, problem: 'wrong_size', more: false });
    expect(nameImages(finding?.images ?? [])).toEqual(['app:1 (linux/arm64/v8)', 'app:latest (linux/arm64/v8)']);
    const [event] = await registry.metadata.audit.list({ target: layer }, Number.MAX_SAFE_INTEGER, 1);
    expect(event).toMatchObject({ action: 'content.corrupt' });
    expect(JSON.parse(event?.detail ?? '')).toMatchObject({ images: ['app:1 (linux/arm64/v8)', 'app:latest (linux/arm64/v8)'] });
  });

  test('content whose file was restored leaves the quarantine at the next look', async () => {
    const digest = await pushBlob(registry.server, 'app', 'layer');
    const path = `/v2/app/blobs/${digest}`;
    await damage(registry.driver, digest, () => Buffer.from('LAYER'));
    expect((await check()).corrupt).toHaveLength(1);
    await damage(registry.driver, digest, () => Buffer.from('layer'));
    expect([await statusOf('GET', path), (await check()).repaired, await statusOf('GET', path)]).toEqual([404, [digest], 200]);
  });

  test('a quick verification finds what is missing or has another size, and reads no byte', async () => {
    const [missing, short, flipped] = await Promise.all(
      ['missing', 'short', 'flipped'].map((text) => pushBlob(registry.server, 'app', text)),
    );
    await damage(registry.driver, missing ?? ('' as never), () => undefined);
    await damage(registry.driver, short ?? ('' as never), () => Buffer.from('shor'));
    await damage(registry.driver, flipped ?? ('' as never), () => Buffer.from('flippeD'));
    const unread = readingDriver(registry.driver, () => Promise.reject(new Error('a read')));
    const { corrupt } = await registry.verifier(unread).check(await registry.contents(), 'quick', atOnce);
    expect(new Map(corrupt.map(({ digest, problem }) => [digest, problem]))).toEqual(
      new Map([
        [missing, 'missing'],
        [short, 'wrong_size'],
      ]),
    );
  });
});

describe('what is no corruption', () => {
  beforeEach(async () => {
    registry = await openVerifiedRegistry();
  });
  afterEach(() => registry.close());

  test.each(Object.entries(storeFailures))(
    'a read that fails with %s makes content unreadable, which is served',
    async (_name, failure) => {
      const digest = await pushBlob(registry.server, 'app', 'layer');
      registry.clock.time += 1000;
      const before = await registry.contents();
      const failing = readingDriver(registry.driver, () => Promise.reject(failure));
      expect(await check(registry.verifier(failing))).toMatchObject({ corrupt: [], unreadable: [{ digest, error: failure }] });
      expect([await statusOf('GET', `/v2/app/blobs/${digest}`), await registry.contents()]).toEqual([200, before]);
    },
  );

  test('bytes that are wrong in one of two reads are right', async () => {
    const digest = await pushBlob(registry.server, 'app', 'layer');
    let reads = 0;
    const flaky = readingDriver(registry.driver, () => Promise.resolve(++reads === 1 ? () => Buffer.from('LAYER') : undefined));
    expect(await check(registry.verifier(flaky))).toMatchObject({ corrupt: [], unreadable: [] });
    expect([reads, await statusOf('GET', `/v2/app/blobs/${digest}`)]).toEqual([2, 200]);
  });

  test('a second read that fails is not a second wrong one', async () => {
    const digest = await pushBlob(registry.server, 'app', 'layer');
    await damage(registry.driver, digest, () => Buffer.from('LAYER'));
    let reads = 0;
    const failing = readingDriver(registry.driver, () =>
      ++reads === 1 ? Promise.resolve(undefined) : Promise.reject(storeFailures.EIO),
    );
    expect(await check(registry.verifier(failing))).toMatchObject({ corrupt: [], unreadable: [{ digest }] });
  });

  test('content that is pushed again during its second read stays in service', async () => {
    const digest = await pushBlob(registry.server, 'app', 'layer');
    await damage(registry.driver, digest, () => Buffer.from('LAYER'));
    let reads = 0;
    const pushing = readingDriver(registry.driver, async () => {
      if (++reads < 2) return undefined;
      await pushBlob(registry.server, 'app', 'layer');
      return () => Buffer.from('LAYER');
    });
    expect((await check(registry.verifier(pushing))).corrupt).toEqual([]);
    expect([reads, await statusOf('GET', `/v2/app/blobs/${digest}`)]).toEqual([2, 200]);
  });

  test('content that the collector deletes meanwhile is neither corrupt nor an error', async () => {
    const digest = await pushBlob(registry.server, 'app', 'layer');
    const deleting = registry.verifier(registry.driver, async () => {
      await registry.metadata.blobs.unlink('app' as never, digest, { actor: '', address: '', at: 1 });
      const step = { now: Number.MAX_SAFE_INTEGER, limit: 9, purger: 'one', until: Number.MAX_SAFE_INTEGER };
      await registry.metadata.collection.step(step);
    });
    await damage(registry.driver, digest, () => undefined);
    expect(await check(deleting)).toMatchObject({ corrupt: [], unreadable: [] });
    expect(await registry.contents()).toEqual([]);
  });

  test('many missing blobs in a row are found and named where the rest of the store is there', async () => {
    const all = [];
    for (let index = 0; index < 60; index++) all.push(await pushBlob(registry.server, 'app', `layer ${index}`));
    const lost = all.sort().slice(0, 25);
    for (const digest of lost) await damage(registry.driver, digest, () => undefined);
    // The second time all of them are known.
    for (let round = 0; round < 2; round++) expect((await check()).corrupt.map(({ digest }) => digest)).toEqual(lost);
  });

  test('a store without most of its blobs is the wrong store, and none of them goes into quarantine', async () => {
    for (let index = 0; index < 20; index++) await pushBlob(registry.server, 'app', `layer ${index}`);
    for (const { digest } of await registry.contents()) await damage(registry.driver, digest, () => undefined);
    await expect(check()).rejects.toThrow(WrongStore);
    expect(await registry.metadata.corruptContent.count(99)).toBe(0);
  });
});

describeWith(s3Programs, 'corrupt content in a bucket', () => {
  let bucket: TestBucket;
  beforeAll(async () => {
    bucket = await createBucket();
  }, 180_000);
  afterAll(() => bucket.remove());

  test.each(Object.entries(damages))(
    'a blob with a %s is found, named, not served, and healed by a push',
    async (name, change) => {
      const place = { ...bucket, bucket: bucket.name, forcePathStyle: true, prefix: name.replace(' ', '-') };
      const driver = createS3Driver({ ...place, stallMilliseconds: 5000, presignedReads: false });
      registry = await openVerifiedRegistry(() => Promise.resolve(driver));
      await expectFoundAndHealed(change, statusBefore(name)).finally(registry.close);
    },
  );
});
