import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { mediaTypes } from '../../../src/oci/media-types.ts';
import type { TestBerth } from '../../support/berth.ts';
import { type Answer, call } from '../../support/call.ts';
import { type FakeUpstream, type FakeUpstreamOptions, startFakeUpstream } from '../../support/fake-upstream.ts';
import { type TestImage, descriptor, digestOf } from '../../support/images.ts';
import { startMirror } from '../../support/mirror.ts';
import { until } from '../../support/until.ts';

/** Troubles of an upstream that come together. */
let upstream: FakeUpstream;
let berth: TestBerth;
const cleanUp: (() => Promise<void>)[] = [];

const bot = { username: 'bot', password: 'secret' };
const other = { username: 'other', password: 'hidden' };

async function start(options: FakeUpstreamOptions = {}, settings: object = {}, mirror: object = {}): Promise<void> {
  upstream = await startFakeUpstream(options);
  const upstreams = { 'ghcr.io': { url: upstream.url, ...settings } };
  berth = await startMirror({ upstreams, freshness: '1ms', retry: '1ms', ...mirror });
  cleanUp.push(
    () => berth.close(),
    () => upstream.close(),
  );
}
afterEach(async () => {
  for (const close of cleanUp.splice(0)) await close();
});

const get = (path: string, method = 'GET') => call(berth, method, `/v2/ghcr.io/${path}`);
const statusOf = async (path: string) => (await get(path)).status;
const cacheOf = (answer: Answer) => answer.headers['x-mirror-cache'];

/** Points the tag at a new index of one image for linux/amd64. */
function addIndex(repository: string, tag: string): { readonly image: TestImage; readonly index: string } {
  const image = upstream.addImage(repository, `${tag}-amd64`);
  const child = { ...descriptor(image.manifest, mediaTypes.ociManifest), platform: { os: 'linux', architecture: 'amd64' } };
  const index = JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [child] });
  upstream.addManifest(repository, tag, index, mediaTypes.ociIndex);
  return { image, index };
}

/** Pulls as a client does, by the tag and then by what it names; resolves to the index and the layer. */
async function pull(repository: string, tag: string): Promise<readonly [string, Buffer]> {
  const head = await get(`${repository}/manifests/${tag}`, 'HEAD');
  const index = await get(`${repository}/manifests/${tag}`);
  expect([head.status, index.status, head.headers['docker-content-digest']]).toEqual([200, 200, digestOf(index.body)]);
  const { manifests } = index.json() as { manifests: { digest: string }[] };
  const manifest = await get(`${repository}/manifests/${manifests[0]?.digest ?? ''}`);
  expect(manifest.status).toBe(200);
  const { layers } = manifest.json() as { layers: { digest: string }[] };
  const layer = await get(`${repository}/blobs/${layers[0]?.digest ?? ''}`);
  expect(layer.status).toBe(200);
  return [index.body.toString(), layer.body];
}

describe('a moved tag', () => {
  test.each([
    ['limits pulls', { status: 429, headers: { 'Retry-After': '1' } }],
    ['fails', { status: 503 }],
  ])('is a whole image, the cached one, while the upstream %s after it has sent the new index', async (_what, misdeed) => {
    await start();
    const old = addIndex('o/i', '1');
    expect(await pull('o/i', '1')).toEqual([old.index, old.image.layer]);
    const moved = addIndex('o/i', '1');
    upstream.misbehave('GET', new RegExp(moved.image.digest), misdeed, 1000);
    expect(await pull('o/i', '1')).toEqual([old.index, old.image.layer]);
    berth = await berth.restart();
    expect(await pull('o/i', '1')).toEqual([old.index, old.image.layer]);
    await upstream.goAway();
    expect(await pull('o/i', '1')).toEqual([old.index, old.image.layer]);
    await upstream.comeBack();
    upstream.behave();
    await until(async () => (await pull('o/i', '1'))[0] === moved.index);
    expect(await pull('o/i', '1')).toEqual([moved.index, moved.image.layer]);
    expect(upstream.count('GET', new RegExp(digestOf(moved.index)))).toBe(1);
  });

  test('of one login is updated while another login is limited, which keeps its cached image and its listing', async () => {
    await start({ auth: 'basic', users: [bot, other] }, { ...bot, logins: { 'team/*': other } });
    const before = new Map(['o/i', 'team/app'].map((repository) => [repository, addIndex(repository, '1')]));
    for (const [repository, { index }] of before) expect((await pull(repository, '1'))[0]).toBe(index);
    expect(await statusOf('team/app/tags/list')).toBe(200);
    upstream.misbehave('HEAD', /team\/app/, { status: 429, headers: { 'Retry-After': '3600' } });
    const moved = addIndex('o/i', '1');
    addIndex('team/app', '1');
    expect((await pull('team/app', '1'))[0]).toBe(before.get('team/app')?.index);
    expect((await pull('o/i', '1'))[0]).toBe(moved.index);
    const asked = upstream.requests.length;
    expect((await pull('team/app', '1'))[0]).toBe(before.get('team/app')?.index);
    expect(cacheOf(await get('team/app/tags/list'))).toBe('STALE');
    expect(upstream.requests.length).toBe(asked);
  });
});

describe('a manifest by its digest, and a layer', () => {
  test('cause no request, whatever the upstream, its limits and the login are now', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'berth-combinations-'));
    cleanUp.push(() => rm(folder, { recursive: true }));
    const passwordFile = join(folder, 'password');
    await writeFile(passwordFile, bot.password);
    await start({ auth: 'basic', users: [bot] }, { username: 'bot', passwordFile });
    const { image, index } = addIndex('o/i', '1');
    await pull('o/i', '1');
    await until(async () => cacheOf(await get(`o/i/blobs/${digestOf(image.layer)}`)) === 'HIT');
    const paths = [`manifests/${digestOf(index)}`, `manifests/${image.digest}`, `blobs/${digestOf(image.layer)}`];
    const asked = upstream.requests.length;
    const expectHits = async () => {
      for (const path of paths) {
        for (const method of ['GET', 'HEAD']) {
          const answer = await get(`o/i/${path}`, method);
          const { status, headers } = answer;
          expect([status, cacheOf(answer), headers['docker-content-digest']]).toEqual([200, 'HIT', path.replace(/^.*\//, '')]);
          expect([headers['oci-namespace'], headers['age']]).toEqual(['ghcr.io', '0']);
        }
      }
    };
    await expectHits();
    await writeFile(passwordFile, 'rotated');
    await expectHits();
    upstream.misbehave('GET', /./, { status: 429 }, 1000);
    await expectHits();
    await upstream.goAway();
    await expectHits();
    expect(upstream.requests.length).toBe(asked);
    // A tag is asked about, in vain: neither the rotated login nor the outage drops it.
    expect((await pull('o/i', '1'))[0]).toBe(index);
    await upstream.comeBack();
    expect((await pull('o/i', '1'))[0]).toBe(index);
  });
});

describe('a refused login', () => {
  let passwordFile: string;
  async function startWithFile(options: FakeUpstreamOptions): Promise<void> {
    const folder = await mkdtemp(join(tmpdir(), 'berth-combinations-'));
    cleanUp.push(() => rm(folder, { recursive: true }));
    passwordFile = join(folder, 'password');
    await writeFile(passwordFile, 'wrong');
    await start(options, { username: 'bot', passwordFile });
  }

  test('and the 404 that hides the repository from others are not remembered as a 404', async () => {
    await startWithFile({ auth: 'bearer', users: [bot] });
    const { digest, layer } = upstream.addImage('o/i', '1');
    upstream.hide('o/i', ['bot'], 404);
    upstream.addImage('o/public', '1');
    expect(await statusOf('o/public/manifests/1')).toBe(200);
    const paths = ['manifests/1', `manifests/${digest}`, `blobs/${digestOf(layer)}`, 'tags/list'];
    for (const path of paths) expect([path, await statusOf(`o/i/${path}`)]).not.toEqual([path, 200]);
    await writeFile(passwordFile, bot.password);
    for (const path of paths) expect([path, await statusOf(`o/i/${path}`)]).toEqual([path, 200]);
  });

  test('and a limit of clients without a login leave cached tags as they are, and end with a new login', async () => {
    await startWithFile({ auth: 'bearer', users: [bot] });
    await writeFile(passwordFile, bot.password);
    const { manifest } = upstream.addImage('o/i', '1');
    expect(await statusOf('o/i/manifests/1')).toBe(200);
    await writeFile(passwordFile, 'wrong');
    upstream.expireTokens();
    upstream.misbehave('HEAD', /manifests/, { status: 429, headers: { 'Retry-After': '3600' } });
    for (let count = 0; count < 3; count++) {
      const answer = await get('o/i/manifests/1');
      expect([answer.status, answer.body.toString(), cacheOf(answer)]).toEqual([200, manifest, 'STALE']);
    }
    expect(await statusOf('o/i/manifests/cold')).toBe(429);
    await writeFile(passwordFile, bot.password);
    expect(cacheOf(await get('o/i/manifests/1'))).toBe('REVALIDATED');
    expect(await statusOf('o/i/manifests/cold')).toBe(404);
  });
});

test('a password file that cannot be read leaves the cached images of its repositories, and other logins, as they are', async () => {
  const passwordFile = join(await mkdtemp(join(tmpdir(), 'berth-combinations-')), 'password');
  cleanUp.push(() => rm(join(passwordFile, '..'), { recursive: true }));
  await writeFile(passwordFile, other.password);
  const logins = { 'team/*': { username: other.username, passwordFile } };
  await start({ auth: 'basic', users: [bot, other] }, { ...bot, logins });
  const images = new Map(['o/i', 'team/app'].map((repository) => [repository, addIndex(repository, '1')]));
  for (const [repository, { index }] of images) expect((await pull(repository, '1'))[0]).toBe(index);
  await rm(passwordFile);
  const moved = addIndex('o/i', '1');
  addIndex('team/app', '1');
  expect((await pull('team/app', '1'))[0]).toBe(images.get('team/app')?.index);
  expect((await pull('o/i', '1'))[0]).toBe(moved.index);
  expect(await statusOf('team/app/manifests/cold')).toBe(502);
});

describe('an upstream that cannot be asked', () => {
  const digest = digestOf('never seen');
  const requests = ['manifests/1', `manifests/${digest}`, `blobs/${digest}`, 'tags/list', `referrers/${digest}`];

  test.each([
    ['limits pulls', 429, 429, 503],
    ['is unavailable', 503, 503, 503],
    ['fails', 500, 502, 502],
    ['is gone', undefined, 502, 502],
  ])('and %s (%p) is never a 404: %i for clients that name it, %i in mirror position', async (_what, status, named, mirrored) => {
    await start({}, {}, { default: 'ghcr.io' });
    if (status === undefined) await upstream.goAway();
    for (const method of ['GET', 'HEAD'])
      if (status !== undefined) upstream.misbehave(method, /./, { status, headers: { 'Retry-After': '60' } }, 1000);
    // Each request has a repository of its own: failures of one open its circuit.
    for (const [place, path] of requests.entries()) {
      const positions = [`/v2/ghcr.io/o/a${place}/${path}`, `/v2/o/b${place}/${path}?ns=ghcr.io`, `/v2/o/c${place}/${path}`];
      const answers = await Promise.all(positions.map((url) => call(berth, 'GET', url)));
      expect([path, ...answers.map((answer) => answer.status)]).toEqual([path, named, mirrored, mirrored]);
      if (status === 429 || status === 503)
        expect(answers.map(({ headers }) => Number(headers['retry-after']) > 0)).toEqual([true, true, true]);
      const head = await call(berth, 'HEAD', `/v2/ghcr.io/o/d${place}/${path}`);
      if (!path.includes('tags') && !path.includes('referrers')) expect([path, head.status]).toEqual([path, named]);
    }
  });
});

describe('little left of a limit', () => {
  test('ends prefetching, and leaves tags fresh for ten times as long, also when they have moved', async () => {
    const headers = { 'ratelimit-limit': '100;w=3600', 'ratelimit-remaining': '19;w=3600' };
    await start({ headers }, {}, { freshness: '1h', prefetch: '1MiB' });
    const { image, index } = addIndex('o/i', '1');
    await get('o/i/manifests/1');
    await get(`o/i/manifests/${image.digest}`);
    addIndex('o/i', '1');
    expect((await pull('o/i', '1'))[0]).toBe(index);
    // Only the layer that was pulled has come, and not the config.
    expect(upstream.requests.filter(({ url }) => url.includes('blobs')).map(({ url }) => url.replace(/^.*\//, ''))).toEqual([
      digestOf(image.layer),
    ]);
  });

  test('of one login does not end prefetching by another login', async () => {
    await start({ auth: 'basic', users: [bot, other] }, { ...bot, logins: { 'team/*': other } }, { prefetch: '1MiB' });
    const images = ['o/i', 'team/app'].map((repository) => upstream.addImage(repository, '1'));
    const headers = { 'ratelimit-limit': '100;w=3600', 'ratelimit-remaining': '19;w=3600' };
    upstream.misbehave('GET', /team\/app/, { headers }, 1000);
    for (const repository of ['team/app', 'o/i']) expect(await statusOf(`${repository}/manifests/1`)).toBe(200);
    await until(() => upstream.count('GET', new RegExp(digestOf(images[0]?.layer ?? ''))) > 0);
    expect(upstream.count('GET', /team\/app\/blobs/)).toBe(0);
  });
});
