import { mkdtemp, readFile, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mediaTypes } from '../../../src/oci/media-types.ts';
import { type GuardedBerth, alice, apiOf, callAs, admin, startWithAlice } from '../../support/access.ts';
import { call } from '../../support/call.ts';
import { runCommand } from '../../support/command.ts';
import { digestOf } from '../../support/images.ts';
import { type RealImage, realImage } from '../../support/real-image.ts';
import { readTar } from '../../support/tar.ts';

let berth: GuardedBerth;
let scratch: string;
const api = apiOf(() => berth);

const image = realImage({ hello: 'hello\n', random: randomBytes(200_000) });
const arm = realImage({ hello: 'arm\n' }, 'arm64');
const index = JSON.stringify({
  schemaVersion: 2,
  mediaType: mediaTypes.ociIndex,
  manifests: [
    { ...image.descriptor, platform: { os: 'linux', architecture: 'amd64' } },
    { ...arm.descriptor, platform: { os: 'linux', architecture: 'arm64', variant: 'v8' } },
  ],
});

async function put(path: string, body: Uint8Array | string, type = 'application/octet-stream', method = 'POST') {
  const answer = await callAs(berth, admin, method, path, { body, headers: { 'Content-Type': type } });
  expect([path, answer.status, answer.body.toString()]).toEqual([path, 201, '']);
}

async function pushAsAdmin(repository: string, reference: string, { compressed, config, manifest }: RealImage) {
  for (const bytes of [compressed, config]) await put(`/v2/${repository}/blobs/uploads/?digest=${digestOf(bytes)}`, bytes);
  await put(`/v2/${repository}/manifests/${reference}`, manifest, mediaTypes.ociManifest, 'PUT');
}

beforeAll(async () => {
  [berth, scratch] = await Promise.all([startWithAlice(), mkdtemp(join(tmpdir(), 'berth-export-'))]);
  await berth.administration.grant('user:alice', 'team/app', 'pull');
  await pushAsAdmin('team/app', '1', image);
  await pushAsAdmin('team/hidden', '1', image);
  await pushAsAdmin('team/app', arm.descriptor.digest, arm);
  await put('/v2/team/app/manifests/all', index, mediaTypes.ociIndex, 'PUT');
});
afterAll(async () => {
  await berth.close();
  await rm(scratch, { recursive: true });
});

const archivePath = '/api/v1/archive?repository=team/app&reference=1';
const get = (path: string, headers: Readonly<Record<string, string>> = {}) =>
  call(berth, 'GET', path, { headers: { ...admin, ...headers } });
const parse = (bytes: Buffer | undefined) => JSON.parse(String(bytes)) as unknown;
const blobPath = (digest: string) => `blobs/${digest.replace(':', '/')}`;

test('the archive of an image is an OCI layout with the manifest.json of docker save', async () => {
  const answer = await get(archivePath);
  expect(answer.header('content-disposition')).toBe('attachment; filename="app-1.tar"');
  expect(answer.body.length).toBe(Number(answer.header('content-length')));
  const files = readTar(answer.body);
  expect(parse(files.get('oci-layout'))).toEqual({ imageLayoutVersion: '1.0.0' });
  expect(parse(files.get('index.json'))).toMatchObject({
    manifests: [
      {
        ...image.descriptor,
        annotations: { 'org.opencontainers.image.ref.name': '1', 'io.containerd.image.name': 'docker.io/team/app:1' },
      },
    ],
  });
  const [config, layer] = [blobPath(digestOf(image.config)), blobPath(digestOf(image.compressed))];
  expect(parse(files.get('manifest.json'))).toEqual([{ Config: config, RepoTags: ['team/app:1'], Layers: [layer] }]);
  expect(files.get(blobPath(image.descriptor.digest))?.toString()).toBe(image.manifest);
  expect(files.get(config)?.toString()).toBe(image.config);
  expect(files.get(layer)).toEqual(image.compressed);
  expect(files.size).toBe(6);
});

test('every download of an archive has the same bytes, and joined ranges equal the whole', async () => {
  const whole = await get(archivePath);
  expect((await get(archivePath)).body).toEqual(whole.body);
  const { length } = whole.body;
  const cuts = [0, 1, 511, 512, 513, 1500, 4096, 70_000, 150_001, length - 1024, length - 1, length];
  const parts: Buffer[] = [];
  for (const [at, first] of cuts.slice(0, -1).entries()) {
    const answer = await get(archivePath, {
      Range: `bytes=${first}-${(cuts[at + 1] ?? 0) - 1}`,
      'If-Range': whole.header('etag'),
    });
    expect([first, answer.status]).toEqual([first, 206]);
    parts.push(answer.body);
  }
  expect(Buffer.concat(parts)).toEqual(whole.body);
  const several = await get(archivePath, { Range: 'bytes=0-9,600-699' });
  expect(several.status).toBe(206);
  expect(several.body.includes(whole.body.subarray(600, 700))).toBe(true);
  expect((await get(archivePath, { Range: `bytes=${length}-` })).status).toBe(416);
});

test('the ETag of an archive answers conditions, and an older one in If-Range gets the whole archive', async () => {
  const head = await call(berth, 'HEAD', archivePath, { headers: admin });
  expect([head.status, head.body.length]).toEqual([200, 0]);
  expect((await get(archivePath, { 'If-None-Match': head.header('etag') })).status).toBe(304);
  const stale = await get(archivePath, { Range: 'bytes=0-9', 'If-Range': '"other"' });
  expect([stale.status, stale.body.length]).toEqual([200, Number(head.header('content-length'))]);
});

test('an archive of an index has all images, or that of one platform', async () => {
  const all = readTar((await get('/api/v1/archive?repository=team/app&reference=all')).body);
  expect([all.has(blobPath(image.descriptor.digest)), all.has(blobPath(arm.descriptor.digest))]).toEqual([true, true]);
  expect(parse(all.get('manifest.json'))).toMatchObject([{ Config: blobPath(digestOf(image.config)) }]);
  const one = readTar((await get('/api/v1/archive?repository=team/app&reference=all&platform=linux/arm64')).body);
  expect(parse(one.get('manifest.json'))).toMatchObject([{ Config: blobPath(digestOf(arm.config)) }]);
  expect(one.has(blobPath(image.descriptor.digest))).toBe(false);
  const none = await get('/api/v1/archive?repository=team/app&reference=all&platform=linux/s390x');
  expect([none.status, none.json()]).toMatchObject([404, { detail: expect.stringContaining('linux/amd64, linux/arm64/v8') }]);
  expect((await get(`${archivePath}&platform=linux/arm64`)).status).toBe(404);
});

test('images of one archive share their layers, and names can have a host', async () => {
  const both = readTar((await get(`${archivePath}&reference=all&host=registry.example.com:5000`)).body);
  expect(both.size).toBe(3 + 3 + 3 + 1);
  expect(parse(both.get('manifest.json'))).toEqual([
    expect.objectContaining({
      RepoTags: ['registry.example.com:5000/team/app:1', 'registry.example.com:5000/team/app:all'],
    }),
  ]);
});

test('an archive needs the right to pull, and a hidden repository looks like a missing one', async () => {
  const asAlice = (repository: string) => api('GET', `/archive?repository=${repository}&reference=1`, undefined, alice);
  const [hidden, missing] = [await asAlice('team/hidden'), await asAlice('team/none')];
  expect([hidden.status, missing.status]).toEqual([404, 404]);
  const sameWords = (answer: typeof hidden) => answer.body.toString().replaceAll(/team\/(hidden|none)/g, 'NAME');
  expect(sameWords(hidden)).toBe(sameWords(missing));
  expect((await asAlice('team/app')).status).toBe(200);
});

test('an archive of mirrored content that is not cached answers 409 and says what to do', async () => {
  const answer = await get('/api/v1/archive?repository=docker.io/library/alpine&reference=3');
  expect([answer.status, answer.json()]).toMatchObject([409, { detail: expect.stringContaining('berth preheat') }]);
});

test('an image with a lost layer answers 409 before the first byte', async () => {
  const lost = realImage({ lost: 'lost\n' });
  await pushAsAdmin('team/lost', '1', lost);
  const [algorithm = '', hex = ''] = digestOf(lost.compressed).split(':');
  await rm(join(berth.directory, 'docker/registry/v2/blobs', algorithm, hex.slice(0, 2), hex, 'data'));
  const answer = await get('/api/v1/archive?repository=team/lost&reference=1');
  expect([answer.status, answer.json()]).toMatchObject([409, { detail: expect.stringContaining(digestOf(lost.compressed)) }]);
});

test('berth export writes the bytes that the API sends, and continues what an interrupted run left', async () => {
  const whole = (await get(archivePath)).body;
  const file = join(scratch, 'app.tar');
  const { code, stdout } = await runCommand(['export', 'team/app:1', '-o', file, '--json'], berth.environment);
  expect([code, JSON.parse(stdout)]).toEqual([
    0,
    { file, sizeBytes: whole.length, images: [{ repository: 'team/app', tag: '1', digest: image.descriptor.digest }] },
  ]);
  expect(await readFile(file)).toEqual(whole);
  const etag = (await get(archivePath)).header('etag');
  const partial = `${file}.${etag.slice(1, 13)}.part`;
  await writeFile(partial, whole.subarray(0, 1000));
  await truncate(file, 0);
  expect((await runCommand(['export', 'team/app:1', '-o', file], berth.environment)).code).toBe(0);
  expect([(await readFile(file)).equals(whole), await readdir(scratch)]).toEqual([true, ['app.tar']]);
  expect((await stat(file)).size).toBe(whole.length);
});

test('berth export says which of its two forms lacks what', async () => {
  expect((await runCommand(['export'], berth.environment)).stderr).toContain('missing images or --layout distribution');
  expect((await runCommand(['export', 'team/app:1'], berth.environment)).stderr).toContain('missing --output FILE');
  const both = await runCommand(['export', 'team/app:1', '--layout', 'distribution'], berth.environment);
  expect([both.code, both.stderr]).toEqual([2, expect.stringContaining('name no images')]);
});

test('archives that are sent are counted with the stored bytes in them, and refused ones for themselves', async () => {
  const value = async (name: string) => {
    const text = (await call(berth, 'GET', '/metrics', { headers: admin })).body.toString();
    const line = text.split('\n').find((one) => one.startsWith(`berth_archive_${name} `));
    return Number(line?.split(' ')[1] ?? 0);
  };
  const names = ['exports_total{result="begun"}', 'exports_total{result="refused"}', 'export_bytes_total'];
  const values = () => Promise.all(names.map(value));
  const before = await values();
  await get(archivePath);
  expect((await get('/api/v1/archive?repository=team/app&reference=missing')).status).toBe(404);
  const after = await values();
  const stored = [image.compressed, image.config, image.manifest].reduce((sum, bytes) => sum + bytes.length, 0);
  const [begun = 0, refused = 0, bytes = 0] = after.map((count, at) => count - (before[at] ?? 0));
  expect([begun, refused]).toEqual([1, 1]);
  expect(bytes).toBe(stored);
  await get(archivePath, { Range: 'bytes=0-99' });
  expect(await value('exports_total{result="begun"}')).toBe((after[0] ?? 0) + 1);
});
