import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { adminPassword, apiOf, callAs } from '../../support/access.ts';
import { call } from '../../support/call.ts';
import { type FakeUpstream, startFakeUpstream } from '../../support/fake-upstream.ts';
import { type GuardedMirror, admin, alice, startGuardedMirror } from '../../support/guarded-mirror.ts';
import { until } from '../../support/until.ts';
import { type Visitor, newVisitor } from '../../support/visitor.ts';

let hub: FakeUpstream;
let berth: GuardedMirror;
let adminVisitor: Visitor;
const api = apiOf(() => berth);

interface Upstream {
  readonly upstream: string;
  readonly requests: number;
  readonly hits: number;
  readonly fetchedBytes: number;
  readonly savedBytes: number;
  readonly servedBytes: number;
  readonly limit: unknown;
  readonly circuits: unknown;
}

const get = (path: string) => callAs(berth, admin, 'GET', `/v2/docker.io/${path}`);

async function docker(path = '/mirror/summary'): Promise<Upstream> {
  const { upstreams } = (await api('GET', path)).json() as { readonly upstreams: readonly Upstream[] };
  const found = upstreams.find(({ upstream }) => upstream === 'docker.io');
  if (!found) throw new Error('docker.io is missing');
  return found;
}

async function metric(line: string): Promise<number> {
  const text = (await call(berth, 'GET', '/metrics')).body.toString();
  return Number(
    text
      .split('\n')
      .find((one) => one.startsWith(line))
      ?.split(' ')
      .at(-1) ?? 0,
  );
}

async function signIn(name: string, password: string): Promise<Visitor> {
  const visitor = newVisitor(berth);
  await visitor.post('/ui/login', { name, password });
  return visitor;
}

/** Ends the process, which writes its figures, and starts another one over the same stores. */
async function restart(): Promise<void> {
  const restarted = await berth.restart();
  berth = { ...berth, ...restarted, close: restarted.close };
  adminVisitor = await signIn('admin', adminPassword);
}

beforeAll(async () => {
  hub = await startFakeUpstream({ headers: { 'ratelimit-limit': '100;w=21600', 'ratelimit-remaining': '76;w=21600' } });
  berth = await startGuardedMirror(['alice'], {}, hub);
  adminVisitor = await signIn('admin', adminPassword);
});
afterAll(async () => {
  await berth.metadata.close();
  await berth.close();
  await hub.close();
});

test('the figures of two processes one after the other are those of their metrics, and survive restarts', async () => {
  const blob = hub.addBlob('o/i', randomBytes(300_000));
  hub.addImage('o/i', '1');
  let [fetched, saved] = [0, 0];
  for (const turn of [1, 2]) {
    for (const path of [`blobs/${blob}`, 'manifests/1', `blobs/${blob}`, 'manifests/1']) await get(`o/i/${path}`);
    await get(`o/i/blobs/${hub.addBlob('o/i', randomBytes(turn * 100_000))}`);
    await until(async () => (await metric('berth_mirror_saved_bytes_total{upstream="docker.io"}')) > 300_000);
    fetched += await metric('berth_mirror_received_bytes_total{upstream="docker.io"}');
    saved += await metric('berth_mirror_saved_bytes_total{upstream="docker.io"}');
    if (turn === 1) expect((await docker()).limit).toEqual({ limit: 100, remaining: 76 });
    await restart();
  }
  const sums = await docker();
  expect([sums.fetchedBytes, sums.savedBytes]).toEqual([fetched, saved]);
  expect(sums.servedBytes).toBeGreaterThan(saved + 300_000);
  expect([sums.requests, sums.hits > 0 && sums.hits < sums.requests]).toEqual([10, true]);
  const { items } = (await api('GET', '/mirror/upstreams?days=7')).json() as { readonly items: readonly Upstream[] };
  expect(items.reduce((sum, { fetchedBytes }) => sum + fetchedBytes, 0)).toBe(fetched);
});

test('a download in progress shows how far it is', async () => {
  const { promise: rest, resolve } = Promise.withResolvers<undefined>();
  const digest = hub.addBlob('o/slow', randomBytes(200_000));
  hub.misbehave('GET', /o\/slow\/blobs/, { stallAfter: 50_000, until: rest });
  const pulled = get(`o/slow/blobs/${digest}`);
  const fills = async () =>
    ((await api('GET', '/mirror/fills')).json() as { items: readonly { receivedBytes: number; sizeBytes: number }[] }).items;
  await until(async () => (await fills()).some(({ receivedBytes, sizeBytes }) => receivedBytes > 0 && sizeBytes === 200_000));
  expect(await fills()).toMatchObject([{ repository: 'docker.io/o/slow', upstream: 'docker.io', digest, requests: 1 }]);
  expect((await adminVisitor.get('/ui/mirror')).text).toMatch(/docker\.io\/o\/slow.*max="200000"/s);
  resolve(undefined);
  expect((await pulled).status).toBe(200);
  await until(async () => (await fills()).length === 0);
});

test('an admin pins and evicts content of the cache: what is pinned stays', async () => {
  const digest = hub.addBlob('o/cached', randomBytes(400_000));
  await get(`o/cached/blobs/${digest}`);
  const press = async (action: string, visitor = adminVisitor) =>
    (await visitor.post('/ui/mirror/content', { action, digest })).status;
  await until(async () => (await api('GET', '/mirror/content')).body.includes(digest));
  expect(await press('pin')).toBe(303);
  expect((await adminVisitor.get('/ui/mirror')).text).toMatch(/stay in the cache.*391 KiB are pinned/s);
  const { items } = (await api('GET', '/mirror/content?by=use')).json() as { readonly items: readonly object[] };
  expect(items[0]).toMatchObject({ digest, pinned: 'by hand', repositories: ['docker.io/o/cached'] });
  expect(await berth.metadata.mirrorPins.listImages()).toEqual([]);
  expect((await api('POST', '/mirror/content/evict', { digest })).status).toBe(409);
  expect((await api('POST', '/mirror/content/unpin', { digest })).status).toBe(204);
  expect(await press('evict')).toBe(303);
  expect((await adminVisitor.get('/ui/mirror')).text).toMatch(/was evicted/);
  expect((await get(`o/cached/blobs/${digest}`)).headers['x-mirror-cache']).toBe('MISS');
  expect(await press('nothing')).toBe(400);
  expect((await api('POST', '/mirror/content/pin', { digest: `sha256:${'0'.repeat(64)}` })).status).toBe(404);
});

test('users see neither figures nor downloads, and change nothing', async () => {
  const visitor = await signIn('alice', 'wonderland');
  const { status, text } = await visitor.get('/ui/mirror');
  expect([status, text.includes('<table')]).toEqual([200, false]);
  expect(text).toContain('/ui/setup');
  for (const path of ['summary', 'upstreams', 'fills', 'content'])
    expect((await api('GET', `/mirror/${path}`, undefined, alice)).status).toBe(403);
  const digest = `sha256:${'0'.repeat(64)}`;
  expect((await visitor.post('/ui/mirror/content', { action: 'evict', digest })).status).toBe(403);
});

test('the page draws what came from the cache and what was fetched, and names an upstream that cannot be reached', async () => {
  expect((await adminVisitor.get('/ui/mirror?days=30&by=use')).text).toMatch(/<svg[^>]*aria-label="Bytes by time/);
  const { text } = await adminVisitor.get('/ui/mirror');
  expect(text).toMatch(/docker\.io.*reachable/s);
  expect((await api('GET', '/mirror/summary?days=91', undefined, admin)).status).toBe(400);
});
