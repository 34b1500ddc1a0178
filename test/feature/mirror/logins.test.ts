import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createClients } from '../../../src/upstream/clients.ts';
import { createRateLimits } from '../../../src/upstream/rate-limit.ts';
import type { TestBerth } from '../../support/berth.ts';
import { call } from '../../support/call.ts';
import { type FakeUpstream, type FakeUpstreamOptions, startFakeUpstream } from '../../support/fake-upstream.ts';
import { startMirror } from '../../support/mirror.ts';

let upstream: FakeUpstream;
let berth: TestBerth | undefined;
let scratch: string;

const bot = { username: 'bot', password: 'secret' };
const other = { username: 'other', password: 'hidden' };

async function start(options: FakeUpstreamOptions, settings: object): Promise<void> {
  upstream = await startFakeUpstream(options);
  berth = await startMirror({ upstreams: { 'ghcr.io': { url: upstream.url, ...settings } }, freshness: '1ms', retry: '1ms' });
}
beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'berth-logins-'));
});
afterEach(async () => {
  await berth?.close();
  berth = undefined;
  await upstream.close();
  await rm(scratch, { recursive: true });
});

const get = (repository: string, reference: string) =>
  call(berth as TestBerth, 'GET', `/v2/ghcr.io/${repository}/manifests/${reference}`);
const statusOf = async (repository: string, reference: string) => (await get(repository, reference)).status;
const refusedLogins = async () =>
  /^berth_mirror_refused_logins\{upstream="ghcr\.io"\} (\d+)$/m.exec(
    (await call(berth as TestBerth, 'GET', '/metrics')).body.toString(),
  )?.[1];

describe('limits and failures', () => {
  test('a 429 for one login stops no pulls by another login, and its cached tags stay', async () => {
    await start({ auth: 'basic', users: [bot, other] }, { ...bot, logins: { 'team/*': other } });
    for (const repository of ['o/i', 'team/app']) {
      upstream.hide(repository, ['bot', 'other']);
      upstream.addImage(repository, '1');
      expect(await statusOf(repository, '1')).toBe(200);
    }
    upstream.misbehave('HEAD', /team\/app/, { status: 429, headers: { 'Retry-After': '3600' } });
    expect((await get('team/app', '1')).headers['x-mirror-cache']).toBe('STALE');
    upstream.addImage('o/i', '2');
    const asked = upstream.count('GET', /team\/app/);
    expect([await statusOf('o/i', '2'), await statusOf('team/app', 'cold'), await statusOf('team/app', '1')]).toEqual([
      200, 429, 200,
    ]);
    expect(upstream.count('GET', /team\/app/)).toBe(asked);
  });

  test('a repository that answers 500 stops no pulls of another repository', async () => {
    await start({}, {});
    upstream.addImage('o/good', '1');
    upstream.misbehave('GET', /o\/bad/, { status: 500 }, 99);
    for (const tag of ['1', '2', '3', '4', '5']) expect(await statusOf('o/bad', tag)).toBe(502);
    expect(upstream.count('GET', /o\/bad/)).toBe(3);
    expect(await statusOf('o/good', '1')).toBe(200);
  });

  test('an upstream that answers nothing is left alone for all repositories', async () => {
    await start({}, {});
    await upstream.goAway();
    for (const repository of ['o/a', 'o/b', 'o/c']) expect(await statusOf(repository, '1')).toBe(502);
    await upstream.comeBack();
    upstream.addImage('o/d', '1');
    const refused = await get('o/d', '1');
    expect([refused.status, upstream.count('GET', /o\/d/)]).toEqual([502, 0]);
    expect(refused.headers['retry-after']).toMatch(/^[12]$/);
  });

  test("a token server's limit says when to come again", async () => {
    await start({ auth: 'bearer' }, {});
    upstream.misbehave('GET', /^token/, { status: 429, headers: { 'Retry-After': '77' } });
    const refused = await get('o/i', '1');
    expect([refused.status, Number(refused.headers['retry-after'])]).toEqual([429, 77]);
  });

  test('a 503 stays a 503, with its Retry-After', async () => {
    await start({}, {});
    upstream.misbehave('GET', /o\/i/, { status: 503, headers: { 'Retry-After': '7' } });
    const refused = await get('o/i', '1');
    expect([refused.status, refused.headers['retry-after']]).toEqual([503, '7']);
  });
});

describe('a login that the upstream refuses', () => {
  const passwordFile = () => join(scratch, 'password');

  test.each([
    ['basic', 401],
    ['bearer', 401],
    ['bearer', 404],
  ] as const)('is no reason to drop a tag (%s, hidden by %i)', async (auth, status) => {
    await writeFile(passwordFile(), 'secret');
    await start({ auth, users: [bot] }, { username: 'bot', passwordFile: passwordFile() });
    const { manifest } = upstream.addImage('o/i', '1');
    upstream.hide('o/i', ['bot'], status);
    upstream.addImage('o/public', '1');
    expect(await statusOf('o/public', '1')).toBe(200);
    expect([await statusOf('o/i', '1'), await refusedLogins()]).toEqual([200, '0']);
    await writeFile(passwordFile(), 'wrong');
    upstream.expireTokens();
    for (let count = 0; count < 5; count++) {
      const stale = await get('o/i', '1');
      expect([stale.status, stale.body.toString(), stale.headers['x-mirror-cache']]).toEqual([200, manifest, 'STALE']);
    }
    expect(await refusedLogins()).toBe('1');
    await writeFile(passwordFile(), 'secret');
    expect((await get('o/i', '1')).headers['x-mirror-cache']).toBe('REVALIDATED');
    expect(await refusedLogins()).toBe('0');
  });

  test('makes the credential command run again, at most every ten seconds', async () => {
    const program = join(scratch, 'helper');
    await writeFile(program, `#!/bin/sh\necho x >>${scratch}/runs\ncat ${scratch}/login\n`, { mode: 0o755 });
    const print = (password: string) => writeFile(join(scratch, 'login'), JSON.stringify({ Username: 'bot', Secret: password }));
    const runs = async () => (await readFile(join(scratch, 'runs'), 'utf8')).length / 'x\n'.length;
    upstream = await startFakeUpstream({ auth: 'bearer', login: bot });
    upstream.addImage('o/i', '1');
    let time = 0;
    const client = clientWith([program], () => time);
    await print('old');
    await expect(client.pull()).rejects.toMatchObject({ code: 'login_refused' });
    await print('secret');
    await expect(client.pull()).rejects.toMatchObject({ code: 'login_refused' });
    expect(await runs()).toBe(1);
    time += 10_000;
    await Promise.all([client.pull(), client.pull()]);
    expect([await runs(), client.states]).toEqual([2, [false, false, false, true]]);
    client.close();
  });
});

/** A client of the upstream whose login comes from the command, and what it says of the login. */
function clientWith(command: readonly string[], now: () => number) {
  const none = { username: undefined, password: undefined, passwordFile: undefined };
  const states: boolean[] = [];
  const entry = {
    name: 'ghcr.io',
    url: new URL(upstream.url),
    searchUrl: undefined,
    logins: [{ matches: () => true, source: { key: 'mirror.upstreams.ghcr.io', ...none, command } }],
    bytesPerSecond: undefined,
    connections: 64,
    ca: undefined,
    redirects: [],
  };
  const clients = createClients({
    upstreams: { all: [entry] },
    timeouts: { connectSeconds: 5, headersSeconds: 5, idleSeconds: 5 },
    proxy: {},
    onWaited: () => undefined,
    limits: createRateLimits(now),
    now,
    onLogin: (_upstream, _key, isAccepted) => void states.push(isAccepted),
  });
  const pull = () => clients.get(entry).request({ method: 'HEAD', remoteName: 'o/i', path: 'manifests/1' });
  return { pull, states, close: () => clients.close() };
}
