import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ConfigError } from '../../../config/config-error.ts';
import { loadConfig } from '../../../config/load.ts';
import { parseImageName } from '../../../src/mirror/images/image-name.ts';
import type { Pressure } from '../../../src/mirror/mirror.ts';
import { type RefreshOptions, createRefresh } from '../../../src/mirror/images/refresh.ts';
import type { MirroredRepository } from '../../../src/mirror/names/routing.ts';
import { mediaTypes } from '../../../src/oci/media-types.ts';
import { readPinnedImages } from '../../../src/assembly/pinned-images.ts';
import { createSqliteStore } from '../../../storage/metadata/sqlite/sqlite-store.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import type { TestBerth } from '../../support/berth.ts';
import { call } from '../../support/call.ts';
import { type FakeUpstream, startFakeUpstream } from '../../support/fake-upstream.ts';
import { type TestImage, descriptor, digestOf, newImage } from '../../support/images.ts';
import { startMirror } from '../../support/mirror.ts';
import { until } from '../../support/until.ts';
import { plain } from '../../support/plain.ts';

let scratch: string;
beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'berth-refresh-'));
});
afterEach(() => rm(scratch, { recursive: true }));

describe('a berth that keeps images here', () => {
  let upstream: FakeUpstream;
  let berth: TestBerth;
  afterEach(async () => {
    await berth.close();
    await upstream.close();
  });

  async function start(settings: object = {}, headers: Readonly<Record<string, string>> = {}): Promise<void> {
    upstream = await startFakeUpstream({ headers });
    berth = await startMirror({
      upstreams: { 'ghcr.io': { url: upstream.url } },
      freshness: '1ms',
      refresh: { every: '200ms', images: ['ghcr.io/o/i:1'], platforms: ['linux/arm64'] },
      ...settings,
    });
  }

  const heads = () => upstream.count('HEAD', /manifests\/1$/);
  const blobGets = (bytes: string | Uint8Array) => upstream.count('GET', new RegExp(`blobs/${digestOf(bytes)}`));
  const isHere = async ({ layer }: TestImage) =>
    (await call(berth, 'GET', `/v2/ghcr.io/o/i/blobs/${digestOf(layer)}`)).headers['x-mirror-cache'] === 'HIT';
  const results = async () => (await call(berth, 'GET', '/metrics')).body.toString();

  test('listed images are fetched for the wanted platform, and again when their tag has moved', async () => {
    await start();
    const [amd64, arm64] = [upstream.addImage('o/i', 'amd64', 50_000), upstream.addImage('o/i', 'arm64', 50_000)];
    const of = ({ manifest }: TestImage, architecture: string) => ({
      ...descriptor(manifest, mediaTypes.ociManifest),
      platform: { os: 'linux', architecture },
    });
    const manifests = [of(amd64, 'amd64'), of(arm64, 'arm64')];
    const index = JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests });
    upstream.addManifest('o/i', '1', index, mediaTypes.ociIndex);
    await until(() => blobGets(arm64.layer) === 1 && blobGets(arm64.config) === 1, 30);
    const before = heads();
    await until(() => heads() >= before + 3, 30);
    expect(upstream.count('GET', /manifests/)).toBe(2);
    const moved = upstream.addImage('o/i', '1');
    await until(() => blobGets(moved.layer) === 1, 30);
    await until(() => isHere(moved), 30);
    expect([blobGets(amd64.layer), blobGets(arm64.layer)]).toEqual([0, 1]);
  }, 180_000);

  test('a listed image is never evicted, however much else is pulled', async () => {
    await start({ maxSize: '1MiB' });
    const kept = upstream.addImage('o/i', '1', 50_000);
    await until(() => blobGets(kept.layer) === 1);
    // Nothing else is as old, and nobody has asked for it.
    const evictedBytes = async () => Number(/evicted_bytes_total (\d+)/.exec(await results())?.[1]);
    await until(async () => {
      await call(berth, 'GET', `/v2/ghcr.io/o/i/blobs/${upstream.addBlob('o/i', randomBytes(100_000))}`);
      return (await evictedBytes()) >= 500_000;
    }, 60);
    expect(await isHere(kept)).toBe(true);
    expect(blobGets(kept.layer)).toBe(1);
    const manifest = await call(berth, 'GET', `/v2/ghcr.io/o/i/manifests/${kept.digest}`);
    expect(manifest.headers['x-mirror-cache']).toBe('HIT');
  }, 120_000);

  test('an upstream near its rate limit is left alone', async () => {
    await start({}, { 'ratelimit-limit': '100;w=21600', 'ratelimit-remaining': '5;w=21600' });
    const image = upstream.addImage('o/i', '1');
    await until(async () => /refreshed_total{result="put off"} [1-9]/.test(await results()));
    expect([blobGets(image.layer), upstream.count('GET', /manifests/) <= 1]).toEqual([0, true]);
  });
});

describe('a turn', () => {
  let metadata: MetadataStore;
  beforeEach(async () => {
    metadata = await createSqliteStore({ file: join(scratch, 'metadata.sqlite') });
  });
  afterEach(() => metadata.close());

  const images = new Map<string, TestImage>();
  const fetched: string[] = [];
  let pressure: Pressure;
  let refused: unknown[];
  let onRefused: () => void;
  let time: number;
  beforeEach(() => {
    images.clear();
    fetched.length = 0;
    refused = [];
    onRefused = () => undefined;
    pressure = 'none';
    time = 1;
  });

  /** Over a mirror that has `images` by their tags. */
  function refreshOf(...texts: readonly string[]) {
    const mirror = {
      pressure: () => pressure,
      background: {
        locate: ({ name }: { name: string }) => Promise.resolve({ repository: name, isPushed: false } as MirroredRepository),
        manifest: (_source: unknown, { tag = '' }: { tag?: string }) => {
          const image = images.get(tag);
          if (!image) throw new Error('no such image');
          const { manifest, digest } = image;
          return Promise.resolve({ digest, mediaType: mediaTypes.ociManifest, bytes: Buffer.from(manifest) });
        },
        blob(_source: unknown, digest: string, bodyWanted: boolean) {
          if (bodyWanted) fetched.push(digest);
          return Promise.resolve({ cache: 'HIT' });
        },
      },
    } as unknown as RefreshOptions['mirror'];
    return createRefresh({
      mirror,
      metadata,
      manifestBytes: () => Promise.reject(new Error('not asked')),
      images: texts.map((text) => ({ text, name: parseImageName(text) as NonNullable<ReturnType<typeof parseImageName>> })),
      retrySeconds: 0.01,
      platforms: undefined,
      maxBytes: 1000,
      now: () => time++,
      metrics: { refreshed: () => undefined },
      log: {
        warn(fields) {
          refused.push(fields);
          onRefused();
        },
      },
    });
  }

  const pinned = async (...candidates: readonly TestImage[]) => {
    for (const { layer, digest } of candidates) {
      for (const one of [digestOf(layer), digest]) {
        await plain(metadata).mirroredContent.recordBlob(
          [{ repository: 'ghcr.io/o/i', upstream: 'ghcr.io', byLogin: false }],
          one,
          1,
          1,
        );
      }
    }
    const segments = await Promise.all(
      [false, true].map((isProtected) => metadata.mirrorSpace.listLeastRecentlyUsed(isProtected, 100)),
    );
    const evictable = new Set(segments.flat().map((content) => content.digest));
    return candidates.map(({ layer, digest }) => !evictable.has(digestOf(layer)) && !evictable.has(digest));
  };

  test('a turn pins the content that the images need now and unpins the rest', async () => {
    const [old, other, moved] = [newImage(), newImage(), newImage()];
    images.set('1', old).set('2', other);
    await refreshOf('o/i:1', 'o/i:2').run();
    expect(await pinned(old, other, moved)).toEqual([true, true, false]);
    images.set('1', moved);
    await refreshOf('o/i:1', 'o/i:2').run();
    expect(await pinned(old, other, moved)).toEqual([false, true, true]);
    await refreshOf('o/i:1').run();
    expect(await pinned(old, other, moved)).toEqual([false, false, true]);
    await refreshOf().run();
    expect(await pinned(old, other, moved)).toEqual([false, false, false]);
  });

  test('an image that fails is logged, keeps its content, and does not stop the others', async () => {
    const [one, two] = [newImage(), newImage()];
    images.set('1', one);
    await refreshOf('o/i:1').run();
    images.clear();
    images.set('2', two);
    await refreshOf('o/i:1', 'o/i:2').run();
    const failure = { image: 'o/i:1', err: { message: 'no such image' } };
    expect(refused).toMatchObject([failure, failure, failure]);
    expect(await pinned(one, two)).toEqual([true, true]);
  });

  test('an image that fails at first is tried again within the turn', async () => {
    const image = newImage();
    onRefused = () => void images.set('1', image);
    await refreshOf('o/i:1').run();
    expect([refused.length, ...(await pinned(image))]).toEqual([1, true]);
  });

  test('nothing is fetched while clients need the upstream, and pinned content stays', async () => {
    const [old, moved] = [newImage(), newImage()];
    images.set('1', old);
    await refreshOf('o/i:1').run();
    images.set('1', moved);
    const before = fetched.length;
    pressure = 'busy';
    const refresh = refreshOf('o/i:1');
    const turn = refresh.run();
    await until(async () => (await pinned(moved))[0] === true);
    await refresh.close();
    await turn;
    expect([fetched.length, refused]).toEqual([before, []]);
    pressure = 'scarce';
    await refreshOf('o/i:1').run();
    expect(fetched.length).toBe(before);
    expect(await pinned(old, moved)).toEqual([true, true]);
  });
});

test('an invalid image name and an image of no upstream are configuration errors', async () => {
  const file = join(scratch, 'berth.yaml');
  await writeFile(file, JSON.stringify({ mirror: { refresh: { images: ['alpine:3', 'NO', 'evil.example/o/i'] } } }));
  const config = loadConfig({ file, environment: {} });
  expect(() => readPinnedImages(config)).toThrow(ConfigError);
  expect(() => readPinnedImages(config)).toThrow(
    `mirror.refresh.images: NO is not the name of an image, such as ghcr.io/owner/image:tag (${file}:1)\n` +
      `mirror.refresh.images: evil.example/o/i: evil.example is not one of mirror.upstreams (${file}:1)`,
  );
});
