import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { loadConfig } from '../../../config/load.ts';
import { routes as apiRoutes } from '../../../src/http/api/routes.ts';
import { type JobParts, listJobs } from '../../../src/jobs.ts';
import type { ReadOnlyState } from '../../../src/maintenance/mode/maintenance-mode.ts';
import {
  type GuardedBerth,
  admin,
  adminPassword,
  alice,
  aliceUser,
  apiOf,
  askToken,
  pushAs,
  startWithAlice,
} from '../../support/access.ts';
import { startBerth } from '../../support/berth.ts';
import { call } from '../../support/call.ts';
import { runCommand } from '../../support/command.ts';
import { digestOf } from '../../support/images.ts';

let berth: GuardedBerth;
let bearer: { readonly Authorization: string };
let upload: string;
let manifest: string;
const api = apiOf(() => berth);

beforeAll(async () => {
  berth = await startWithAlice();
  await berth.administration.grant('user:alice', 'alice/**', 'pull,push,delete,admin');
  await pushAs(berth, alice, 'alice/app', '1');
  bearer = { Authorization: `Bearer ${await askToken(berth, alice, 'repository:alice/app:pull,push,delete')}` };
  const found = await call(berth, 'GET', '/v2/alice/app/manifests/1', { headers: bearer });
  manifest = found.header('docker-content-digest');
  upload = (await call(berth, 'POST', '/v2/alice/app/blobs/uploads/', { headers: bearer, body: '' })).header('location');
});
afterAll(() => berth.close());

const run = (...words: readonly string[]) => runCommand(['maintenance', ...words], berth.environment);
const reason = 'moving the disk until 10:00';

describe('while maintenance mode is on', () => {
  beforeAll(async () => {
    await run('on', '--reason', reason);
  });
  afterAll(async () => {
    await run('off');
  });

  test.each([
    ['POST', '/v2/alice/app/blobs/uploads/'],
    ['POST', `/v2/alice/app/blobs/uploads/?mount=${digestOf('x')}&from=alice/app`],
    ['POST', `/v2/alice/app/blobs/uploads/?digest=${digestOf('x')}`],
    ['PATCH', 'upload'],
    ['PUT', `upload?digest=${digestOf('x')}`],
    ['DELETE', 'upload'],
    ['PUT', '/v2/alice/app/manifests/2'],
    ['DELETE', '/v2/alice/app/manifests/1'],
    ['DELETE', `/v2/alice/app/blobs/${digestOf('x')}`],
  ])('%s %s gets 405 with the reason', async (method, path) => {
    const answer = await call(berth, method, path.replace('upload', path.startsWith('upload') ? upload : 'upload'), {
      headers: bearer,
      body: method === 'DELETE' ? '' : 'x',
    });
    expect([answer.status, answer.codes(), answer.header('allow')]).toEqual([405, ['UNSUPPORTED'], 'GET, HEAD']);
    expect(answer.body.toString()).toContain(
      `the registry is read-only for maintenance (${reason}): pulls work, and nothing can be changed`,
    );
  });

  test.each([
    ['HEAD', '/v2/alice/app/manifests/1', 200],
    ['GET', '/v2/alice/app/manifests/1', 200],
    ['GET', '/v2/alice/app/tags/list', 200],
    ['GET', '/v2/', 200],
    ['GET', 'upload', 204],
  ])('%s %s works', async (method, path, status) => {
    const answer = await call(berth, method, path === 'upload' ? upload : path, { headers: bearer });
    expect(answer.status).toBe(status);
  });

  test('logins, tokens and changes of accounts work', async () => {
    expect(await askToken(berth, alice, 'repository:alice/app:pull')).toMatch(/^ey/);
    expect((await api('POST', '/users', { name: 'bob', password: 'builder builder' })).status).toBe(201);
    expect((await api('DELETE', '/users/bob')).status).toBe(204);
  });

  test.each(apiRoutes.filter(({ changesContent }) => changesContent).map(({ method, path }) => [method, path]))(
    '%s %s of the API gets 405',
    async (method, path) => {
      const body = { repository: 'alice/app', reference: '1', tag: '1', digest: manifest };
      const answer = await api(method, path.replace(/\{\w+\}/, 'x'), body, path.startsWith('/archives') ? alice : admin);
      expect([answer.status, answer.header('content-type')]).toEqual([405, expect.stringContaining('application/problem+json')]);
      expect(answer.body.toString()).toContain(reason);
    },
  );

  test.each([
    ['alice', '/ui/r/alice/app/-/tags/delete', 'tag=1'],
    ['alice', '/ui/upload/x/commit', ''],
    ['admin', '/ui/storage/collection', 'action=run'],
  ])('the page refuses the form that %s sends to %s', async (name, path, body) => {
    const headers = { 'Content-Type': 'application/x-www-form-urlencoded', Origin: berth.url };
    const password = name === 'admin' ? adminPassword : aliceUser.password;
    const credentials = new URLSearchParams({ name, password }).toString();
    const login = await call(berth, 'POST', '/ui/login', { headers, body: credentials });
    const cookie = String(login.headers['set-cookie']).split(';')[0];
    const answer = await call(berth, 'POST', path, { headers: { ...headers, Cookie: cookie }, body });
    expect([answer.status, answer.body.toString()]).toEqual([405, expect.stringContaining(reason)]);
  });

  test('each view of the page shows the reason, also to a visitor without a login', async () => {
    expect((await call(berth, 'GET', '/ui/help')).body.toString()).toContain(
      `role="status">The registry is read-only (${reason}): pulls work, and images cannot be changed.</p>`,
    );
    const headers = { 'Accept-Language': 'zh-CN' };
    expect((await call(berth, 'GET', '/ui/help', { headers })).body.toString()).toContain(`本服务器当前为只读（${reason}）`);
  });

  test('/readyz, the metrics, the API and the command line show it', async () => {
    const ready = await call(berth, 'GET', '/readyz');
    expect([ready.status, ready.json()]).toEqual([
      200,
      {
        status: 'ready',
        readOnly: `the registry is read-only for maintenance (${reason}): pulls work, and nothing can be changed`,
      },
    ]);
    expect((await call(berth, 'GET', '/metrics')).body.toString()).toMatch(/^berth_read_only 1$/m);
    const shown = { readOnly: true, reason, since: expect.any(String), by: 'command line' };
    expect((await api('GET', '/maintenance', undefined, alice)).json()).toEqual(shown);
    expect(JSON.parse((await run('status', '--json')).stdout)).toEqual(shown);
    expect((await run('status')).stdout).toMatch(/^on: pulls work, .* by command line\): moving the disk until 10:00\n$/);
  });
});

describe('after maintenance mode', () => {
  afterEach(async () => {
    await run('off');
  });

  test('changes are accepted again, and the audit log names who began and ended it', async () => {
    expect((await api('PUT', '/maintenance', { reason: 'backup' })).status).toBe(204);
    expect((await call(berth, 'PATCH', upload, { headers: bearer, body: 'x' })).status).toBe(405);
    expect((await api('DELETE', '/maintenance')).status).toBe(204);
    expect((await call(berth, 'PATCH', upload, { headers: bearer, body: 'x' })).status).toBe(202);
    expect((await call(berth, 'GET', '/ui/help')).body.toString()).not.toContain('read-only');
    expect((await api('GET', '/maintenance')).json()).toEqual({ readOnly: false, reason: null, since: null, by: null });
    const { items } = (await api('GET', '/audit?limit=5')).json() as { items: { action: string; actor: string }[] };
    expect(items.filter(({ action }) => action.startsWith('maintenance.')).slice(0, 2)).toMatchObject([
      { action: 'maintenance.off', actor: 'admin' },
      { action: 'maintenance.on', actor: 'admin' },
    ]);
  });

  test('a second on changes the reason and not the time', async () => {
    await run('on');
    const first = (await api('GET', '/maintenance')).json() as { since: string };
    await run('on', '--reason', 'longer than planned');
    expect((await api('GET', '/maintenance')).json()).toEqual({ ...first, reason: 'longer than planned' });
  });
});

test('readOnly in the configuration cannot be ended by command', async () => {
  const readOnly = await startBerth({ BERTH_READ_ONLY: 'true' });
  try {
    const refused = await call(readOnly, 'POST', '/v2/app/blobs/uploads/', { body: '' });
    expect([refused.status, refused.body.toString()]).toEqual([405, expect.stringContaining('read-only by its configuration')]);
    const off = await runCommand(['maintenance', 'off'], readOnly.environment);
    expect([off.code, off.stderr]).toEqual([1, expect.stringContaining('readOnly in the configuration is true')]);
  } finally {
    await readOnly.close();
  }
});

test('jobs that would change what clients have pushed do not run in the meantime', async () => {
  const ran: string[] = [];
  const record = (name: string) => () => {
    ran.push(name);
    return Promise.resolve();
  };
  let state: ReadOnlyState | undefined = { reason: '', since: 1, actor: 'admin' };
  const changing: Readonly<Record<string, unknown>> = {
    registry: { trash: { purgeDue: record('purge-trash') }, uploads: {}, pulls: {} },
    metadata: { collectionState: { find: () => Promise.resolve({ pausedAt: null, blockedBy: null }) } },
    garbageCollection: { run: record('collect-garbage') },
    retention: { run: record('retention') },
    sync: { runner: { beginDue: record('sync') } },
    quotas: { yieldToDisk: record('yield-trash') },
    mode: { find: () => Promise.resolve(state) },
    now: Date.now,
  };
  // The parts of the other jobs are not used.
  const parts = new Proxy(changing, { get: (all, name) => all[String(name)] ?? {} }) as unknown as JobParts;
  const jobs = listJobs(loadConfig({ environment: {} }), parts);
  const names = ['collect-garbage', 'purge-trash', 'retention', 'sync', 'yield-trash'];
  const runAll = () => Promise.all(jobs.filter(({ name }) => names.includes(name)).map((job) => job.run()));
  await runAll();
  expect(ran).toEqual([]);
  state = undefined;
  await runAll();
  expect(ran.sort()).toEqual(names);
});
