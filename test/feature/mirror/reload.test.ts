import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { ConfigError } from '../../../config/config-error.ts';
import { loadConfig } from '../../../config/load.ts';
import { type App, createApp } from '../../../src/app.ts';
import { createLog } from '../../../src/observability/log.ts';
import { basic } from '../../support/access.ts';
import { call } from '../../support/call.ts';
import { type FakeUpstream, startFakeUpstream } from '../../support/fake-upstream.ts';
import { digestOf } from '../../support/images.ts';
import { createStores } from '../../support/stores.ts';
import { gate, until } from '../../support/until.ts';

type Upstreams = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

const bot = { username: 'bot', password: "bot's" };

let one: FakeUpstream;
let other: FakeUpstream;
let folder: string;
let stores: Awaited<ReturnType<typeof createStores>>;
let app: App;
let berth: { url: string };

beforeEach(async () => {
  [one, other, stores] = await Promise.all([
    startFakeUpstream({ auth: 'bearer', users: [bot, { username: 'alice', password: 'wonderland' }] }),
    startFakeUpstream(),
    createStores(),
  ]);
  folder = await mkdtemp(join(tmpdir(), 'berth-upstreams-'));
});
afterEach(async () => {
  await app.close();
  await Promise.all([one.close(), other.close(), stores.dispose()]);
  await rm(folder, { recursive: true });
});

async function configured(upstreams: Upstreams) {
  const file = join(folder, 'berth.yaml');
  await writeFile(file, JSON.stringify({ mirror: { upstreams: { 'docker.io': false, ...upstreams } } }));
  const environment = {
    BERTH_LISTEN: '127.0.0.1:0',
    BERTH_LOG_LEVEL: 'silent',
    BERTH_STORAGE_BLOBS_DIRECTORY: join(folder, 'data'),
    ...stores.settings,
  };
  return loadConfig({ file, environment });
}

async function start(upstreams: Upstreams): Promise<void> {
  app = await createApp(await configured(upstreams), createLog({ level: 'silent', format: 'json' }).log);
  berth = { url: await app.listen() };
}

const reload = async (upstreams: Upstreams) => app.reload(await configured(upstreams));
const get = (path: string) => call(berth, 'GET', `/v2/${path}`);

test('an added upstream is mirrored, and a removed one is refused with the answer that a restart would give', async () => {
  one.addImage('o/i', '1');
  other.addImage('o/i', '1');
  await start({ 'one.example': { url: one.url } });
  expect((await get('one.example/o/i/manifests/1')).status).toBe(200);
  expect((await get('other.example/o/i/manifests/1')).status).toBe(404);
  expect(await reload({ 'other.example': { url: other.url } })).toEqual({
    applied: ['mirror.upstreams.one.example', 'mirror.upstreams.other.example'],
    needsRestart: [],
  });
  expect((await get('other.example/o/i/manifests/1')).status).toBe(200);
  const configurations = (await call(berth, 'GET', '/_mirror/config?client=podman')).body.toString();
  expect([configurations.includes('"other.example"'), configurations.includes('"one.example"')]).toEqual([true, false]);
  const pathsOfRemoved = ['manifests/1', 'manifests/2', 'tags/list'].map((path) => `one.example/o/i/${path}`);
  const answers = async () => {
    const all = await Promise.all(pathsOfRemoved.map(get));
    return all.map(({ status, body }) => [status, body.toString()]);
  };
  const reloaded = await answers();
  expect(reloaded[1]).toEqual([404, expect.stringContaining('one.example is not mirrored here')]);
  await app.close();
  await start({ 'other.example': { url: other.url } });
  expect(await answers()).toEqual(reloaded);
});

test('a download in progress ends with the former definition, and the next one uses the new definition', async () => {
  const image = one.addImage('o/i', '1', 200_000);
  const [first, second] = [digestOf(image.layer), digestOf(image.config)];
  other.addBlob('o/i', Buffer.from(image.config));
  await start({ 'r.example': { url: one.url } });
  expect((await get('r.example/o/i/manifests/1')).status).toBe(200);
  const rest = gate();
  one.misbehave('GET', /blobs/, { stallAfter: 1000, until: rest.opened });
  const running = get(`r.example/o/i/blobs/${first}`);
  await until(() => one.blobBytes > 0);
  expect((await reload({ 'r.example': { url: other.url } })).applied).toEqual(['mirror.upstreams.r.example.url']);
  expect((await get(`r.example/o/i/blobs/${second}`)).status).toBe(200);
  expect(other.count('GET', /blobs/)).toBe(1);
  rest.open();
  expect((await running).body.equals(image.layer)).toBe(true);
  expect(other.count('GET', new RegExp(first))).toBe(0);
});

test('a corrected login, and content that a corrected address has, are used at once', async () => {
  one.addImage('company/app', '1');
  one.hide('company/app', ['bot']);
  const wrong = { url: one.url, ...bot, password: 'wrong' };
  await start({ 'r.example': wrong, 's.example': { url: other.url } });
  expect((await get('r.example/company/app/manifests/1')).status).not.toBe(200);
  expect((await get('s.example/o/i/manifests/1')).status).toBe(404);
  one.addImage('o/i', '1');
  expect((await reload({ 'r.example': { ...wrong, ...bot }, 's.example': { url: one.url } })).applied).toEqual([
    'mirror.upstreams.r.example.password',
    'mirror.upstreams.s.example.url',
  ]);
  expect((await get('r.example/company/app/manifests/1')).status).toBe(200);
  expect((await get('s.example/o/i/manifests/1')).status).toBe(200);
});

test('a login that a reload removes no longer counts as refused', async () => {
  one.addImage('company/app', '1');
  one.hide('company/app', ['bot']);
  const metrics = async () => (await call(berth, 'GET', '/metrics')).body.toString();
  await start({ 'r.example': { url: one.url, ...bot, password: 'wrong' } });
  expect((await get('r.example/company/app/manifests/1')).status).not.toBe(200);
  expect(await metrics()).toContain('berth_mirror_refused_logins{upstream="r.example"} 1');
  await reload({ 'r.example': { url: one.url } });
  expect(await metrics()).not.toContain('berth_mirror_refused_logins{');
});

test('an upstream that has not changed keeps its tokens, and one that cannot be used changes nothing', async () => {
  for (const name of ['a', 'b']) one.addImage('o/i', name);
  const kept = { url: one.url };
  await start({ 'one.example': kept });
  expect((await get('one.example/o/i/manifests/a')).status).toBe(200);
  const tokens = one.count('GET', /./, 'token');
  await expect(reload({ 'other.example': { url: other.url, ca: join(folder, 'none.pem') } })).rejects.toThrow(ConfigError);
  await reload({ 'one.example': kept, 'other.example': { url: other.url } });
  expect((await get('one.example/o/i/manifests/b')).status).toBe(200);
  expect(one.count('GET', /./, 'token')).toBe(tokens);
});

test('passThrough that a reload adds hides private content of the upstream in mode open', async () => {
  one.addImage('company/app', '1');
  one.hide('company/app', ['bot']);
  const shared = { url: one.url, ...bot };
  await start({ 'r.example': shared });
  expect((await get('r.example/company/app/manifests/1')).status).toBe(200);
  expect((await call(berth, 'GET', '/api/v1/schedule')).status).toBe(200);
  await reload({ 'r.example': { ...shared, passThrough: true } });
  expect((await get('r.example/company/app/manifests/1')).status).toBe(401);
  expect((await call(berth, 'GET', '/api/v1/schedule')).status).toBe(403);
  expect((await call(berth, 'GET', '/v2/_catalog')).json()).toEqual({ repositories: [] });
  await reload({ 'r.example': shared });
  expect((await get('r.example/company/app/manifests/1')).status).toBe(200);
});

test('private content of an upstream that had passThrough stays hidden after the upstream has left the configuration', async () => {
  one.addImage('o/open', '1');
  const secret = one.addImage('company/app', '1');
  one.hide('company/app', ['bot', 'alice']);
  const passing = { url: one.url, ...bot, passThrough: true };
  await start({ 'r.example': passing });
  const path = 'r.example/company/app/manifests/1';
  const challenge = (await get(path)).header('www-authenticate');
  const [, realm = '', query = ''] = /realm="([^"]*)",(.*)$/.exec(challenge) ?? [];
  const { pathname, origin } = new URL(realm);
  const scope = query.replaceAll('"', '').replace(',', '&');
  const login = { headers: basic('alice', 'wonderland') };
  const { token } = (await call({ url: origin }, 'GET', `${pathname}?${scope}`, login)).json() as { token: string };
  const asAlice = { headers: { Authorization: `Bearer ${token}` } };
  const blob = `r.example/company/app/blobs/${digestOf(secret.layer)}`;
  for (const one of [path, blob]) expect((await call(berth, 'GET', `/v2/${one}`, asAlice)).status).toBe(200);
  const read = async () => {
    const names = [path, `r.example/company/app/manifests/${secret.digest}`, blob, 'r.example/company/app/tags/list'];
    const answers = await Promise.all(names.map((name) => call(berth, 'GET', `/v2/${name}`, asAlice)));
    const catalog = (await call(berth, 'GET', '/v2/_catalog')).body.toString();
    return [...answers.map(({ status }) => status), catalog.includes('company/app')];
  };
  const hidden = [404, 404, 404, 404, false];
  await reload({ 's.example': { url: other.url } });
  expect(await read()).toEqual(hidden);
  await app.close();
  await start({ 's.example': { url: other.url } });
  expect(await read()).toEqual(hidden);
  expect((await call(berth, 'GET', '/api/v1/schedule')).status).toBe(403);
  // Without a login berth itself could not read it.
  await reload({ 'r.example': { url: one.url } });
  expect((await get(path)).status).not.toBe(200);
  expect((await get(blob)).status).not.toBe(200);
  await reload({ 'r.example': { url: one.url, ...bot } });
  expect((await get(path)).status).toBe(200);
});
