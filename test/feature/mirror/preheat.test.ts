import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { resolve } from 'node:path';
import { mediaTypes } from '../../../src/oci/media-types.ts';
import { contentsOf } from '../../../src/mirror/images/image-contents.ts';
import { parseImageName } from '../../../src/mirror/images/image-name.ts';
import type { MirroredRepository } from '../../../src/mirror/names/routing.ts';
import { type Reference, parseReference } from '../../../src/oci/reference.ts';
import type { TestBerth } from '../../support/berth.ts';
import { call } from '../../support/call.ts';
import { type FakeUpstream, startFakeUpstream } from '../../support/fake-upstream.ts';
import { descriptor, digestOf } from '../../support/images.ts';
import { runCommand } from '../../support/command.ts';
import { mirrorConfig, startMirror } from '../../support/mirror.ts';
import { run } from '../../support/run.ts';
import { until } from '../../support/until.ts';

let upstream: FakeUpstream;
let berth: TestBerth;
beforeAll(async () => {
  upstream = await startFakeUpstream({ auth: 'bearer' });
  berth = await startMirror({ upstreams: { 'ghcr.io': { url: upstream.url } }, prefetch: '1KiB' });
});
afterAll(async () => {
  await berth.close();
  await upstream.close();
});

const main = resolve(import.meta.dirname, '../../../src/main.ts');
const blobGets = (bytes: Uint8Array) => upstream.count('GET', new RegExp(`blobs/${digestOf(bytes)}`));

test('berth preheat fetches the wanted platform beside a running server and shows its progress', async () => {
  const [amd64, arm64] = [upstream.addImage('o/i', 'amd64', 50_000), upstream.addImage('o/i', 'arm64', 50_000)];
  const manifests = [
    { ...descriptor(amd64.manifest, mediaTypes.ociManifest), platform: { os: 'linux', architecture: 'amd64' } },
    { ...descriptor(arm64.manifest, mediaTypes.ociManifest), platform: { os: 'linux', architecture: 'arm64', variant: 'v8' } },
  ];
  const index = JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests });
  upstream.addManifest('o/i', 'all', index, mediaTypes.ociIndex);
  const { file, remove } = await mirrorConfig({ upstreams: { 'ghcr.io': { url: upstream.url } } });
  const preheat = (...args: string[]) =>
    run(process.execPath, ['--disable-warning=ExperimentalWarning', main, 'preheat', '--config', file, ...args], {
      env: { ...process.env, ...berth.environment },
    });
  expect(await preheat('--platform', 'linux/arm64', 'ghcr.io/o/i:all')).toContain('100 %');
  expect([blobGets(arm64.layer), blobGets(amd64.layer)]).toEqual([1, 0]);
  const before = upstream.requests.length;
  const layer = await call(berth, 'GET', `/v2/ghcr.io/o/i/blobs/${digestOf(arm64.layer)}`);
  expect([layer.headers['x-mirror-cache'], upstream.requests.length]).toEqual(['HIT', before]);
  await expect(preheat('ghcr.io/o/i:none')).rejects.toThrow('ghcr.io does not have it');
  await expect(preheat('evil.example/o/i')).rejects.toThrow('evil.example is not mirrored here');
  await expect(preheat('NO')).rejects.toThrow('is not the name of an image');
  await remove();
}, 60_000);

test('berth preheat names the images that fail, and fetches the others', async () => {
  const { file, remove } = await mirrorConfig({ upstreams: { 'ghcr.io': { url: upstream.url } } });
  const good = upstream.addImage('o/i', 'good', 1000);
  const manifests = [{ ...descriptor(good.manifest, mediaTypes.ociManifest), platform: { os: 'linux', architecture: 'amd64' } }];
  const index = JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests });
  upstream.addManifest('o/i', 'index', index, mediaTypes.ociIndex);
  const preheat = (...args: string[]) => runCommand(['preheat', '--config', file, ...args], berth.environment);
  const mixed = await preheat('ghcr.io/o/i:none', 'ghcr.io/o/i:good');
  expect([mixed.code, mixed.stdout.includes('ghcr.io/o/i:good 100 %'), blobGets(good.layer)]).toEqual([1, true, 1]);
  expect(mixed.stderr).toContain('ghcr.io/o/i:none: ghcr.io does not have it');
  expect(mixed.stderr).toContain('1 of 2 images could not be fetched: ghcr.io/o/i:none');
  const typo = await preheat('--platform', 'linux/amd46', 'ghcr.io/o/i:index');
  expect([typo.code, typo.stderr.split('\n')[0]]).toEqual([
    1,
    'ghcr.io/o/i:index: it lists nothing for linux/amd46, but for linux/amd64',
  ]);
  const short = await preheat('--platform', 'amd64', 'ghcr.io/o/i:index');
  expect([short.code, short.stderr]).toEqual([2, 'berth: amd64 is not a platform, such as linux/amd64 or linux/arm64/v8\n']);
  await remove();
});

test('small layers are fetched with the manifest of their platform, large ones are not', async () => {
  const [small, large] = [upstream.addImage('o/p', 'small', 500), upstream.addImage('o/p', 'large', 5000)];
  await call(berth, 'GET', '/v2/ghcr.io/o/p/manifests/small');
  await call(berth, 'GET', '/v2/ghcr.io/o/p/manifests/large');
  await until(() => blobGets(small.layer) === 1 && blobGets(Buffer.from(large.config)) === 1);
  expect(blobGets(large.layer)).toBe(0);
});

test.each([
  ['alpine', 'docker.io', 'alpine', { tag: 'latest' }],
  ['owner/image:1', 'docker.io', 'owner/image', { tag: '1' }],
  ['ghcr.io/o/i', 'ghcr.io', 'o/i', { tag: 'latest' }],
  ['localhost:5000/a:b', 'localhost:5000', 'a', { tag: 'b' }],
  [`quay.io/a/b:1@${digestOf('x')}`, 'quay.io', 'a/b', { digest: digestOf('x') }],
])('the image %s', (text, host, name, reference) => {
  expect(parseImageName(text)).toEqual({ host, name, reference });
});

test.each(['', 'A', 'ghcr.io/', 'a:', 'a@b', 'a b'])('%p is no image', (text) => {
  expect(parseImageName(text)).toBeUndefined();
});

test('indexes that name each other in a circle are fetched once each', async () => {
  let document = JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [] });
  const documents = new Map([[digestOf(document), document]]);
  for (let depth = 0; depth < 10; depth++) {
    const child = descriptor(document, mediaTypes.ociIndex);
    document = JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [child, child] });
    documents.set(digestOf(document), document);
  }
  const asked: string[] = [];
  const unused = () => Promise.reject(new Error('nobody asks for it'));
  const mirror = {
    locate: unused,
    blob: unused,
    markWanted: unused,
    manifest(_source: MirroredRepository, { digest }: Reference) {
      if (!digest) throw new Error('only digests are known');
      asked.push(digest);
      const bytes = Buffer.from(documents.get(digest) ?? '');
      return Promise.resolve({ digest, mediaType: mediaTypes.ociIndex, sizeBytes: bytes.length, bytes, cache: 'MISS' as const });
    },
  };
  const reference = parseReference(digestOf(document));
  if (!reference) throw new Error('a digest is a reference');
  const options = { mirror, manifestBytes: unused, platforms: undefined };
  const { manifests } = await contentsOf({} as MirroredRepository, reference, options);
  expect([...manifests].sort()).toEqual([...documents.keys()].sort());
  expect(asked).toHaveLength(11);
});

test("an index over blobs, BuildKit's older cache format, is pulled through the mirror and fetched whole", async () => {
  const layer = Buffer.from('a layer of the cache');
  upstream.addBlob('o/cache', layer);
  const manifests = [descriptor(layer, 'application/vnd.oci.image.layer.v1.tar+gzip')];
  const index = JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests });
  upstream.addManifest('o/cache', 'main', index, mediaTypes.ociIndex);
  expect((await call(berth, 'GET', '/v2/ghcr.io/o/cache/manifests/main')).body.toString()).toBe(index);
  expect((await call(berth, 'GET', `/v2/ghcr.io/o/cache/blobs/${digestOf(layer)}`)).body.equals(layer)).toBe(true);

  const unused = () => Promise.reject(new Error('nobody asks for it'));
  const bytes = Buffer.from(index);
  const served = {
    digest: digestOf(index),
    mediaType: mediaTypes.ociIndex,
    sizeBytes: bytes.length,
    bytes,
    cache: 'MISS',
  } as const;
  const mirror = { locate: unused, blob: unused, markWanted: unused, manifest: () => Promise.resolve(served) };
  const reference = parseReference(digestOf(index));
  if (!reference) throw new Error('a digest is a reference');
  const options = { mirror, manifestBytes: unused, platforms: ['linux/amd64'] };
  const contents = await contentsOf({} as MirroredRepository, reference, options);
  expect([[...contents.manifests], [...contents.blobs]]).toEqual([[digestOf(index)], [[digestOf(layer), layer.length]]]);
});
