import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type GuardedBerth, adminPassword, apiOf, askToken, basic, pushAs, startGuarded } from '../../support/access.ts';
import { type TestBerth, startBerth } from '../../support/berth.ts';
import { call } from '../../support/call.ts';
import { pushImage } from '../../support/images.ts';
import { type Visitor, newVisitor } from '../../support/visitor.ts';

const configuration = `
tags: { immutable: ["team/**:v*", "!team/old/**:*"] }
retention: { protect: ["**:stable"], rules: [{ name: branches, match: ["team/*:b-*"], keep: [{ newest: 3 }] }] }
`;
const view = '/ui/r/team/app/-/access';
const settings = '/ui/r/team/app/-/settings';

let folder: string;
let berth: GuardedBerth;
let admin: Visitor;
let leader: Visitor;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'berth-access-'));
  await writeFile(join(folder, 'berth.yaml'), configuration);
  berth = await startGuarded({ BERTH_CONFIG: join(folder, 'berth.yaml') });
  for (const name of ['leader', 'reader', 'zoe'])
    await berth.administration.createUser({ name, password: `password of ${name}`, isAdmin: false });
  await berth.administration.grant('user:leader', 'team/app', 'admin');
  await berth.administration.grant('user:reader', 'team/**', 'pull');
  await pushAs(berth, basic('admin', adminPassword), 'team/app', '1');
});
afterAll(async () => {
  await berth.close();
  await rm(folder, { recursive: true });
});
beforeEach(async () => {
  admin = await signedIn('admin', adminPassword);
  leader = await signedIn('leader', 'password of leader');
});

async function signedIn(name: string, password: string): Promise<Visitor> {
  const visitor = newVisitor(berth);
  expect((await visitor.post('/ui/login', { name, password })).status).toBe(303);
  return visitor;
}

const mayPull = (name: string, secret: string) =>
  askToken(berth, basic(name, secret), 'repository:team/app:pull').then((token) => token.length > 0 && canRead(token));
const canRead = async (token: string) =>
  (await call(berth, 'GET', '/v2/team/app/tags/list', { headers: { Authorization: `Bearer ${token}` } })).status === 200;

describe('the views of access and settings', () => {
  test('are for admins of the repository, and do not exist for others', async () => {
    const reader = await signedIn('reader', 'password of reader');
    for (const path of [view, settings]) {
      expect([(await admin.get(path)).status, (await leader.get(path)).status, (await reader.get(path)).status]).toEqual([
        200, 200, 404,
      ]);
      expect((await reader.get('/ui/r/team/app')).text).not.toContain(path);
      expect((await leader.get('/ui/r/team/app')).text).toContain(path);
      expect((await leader.get('/ui/r/team/other/-/access')).status).toBe(404);
    }
    for (const path of ['access/give', 'access/revoke', 'settings/visibility'])
      expect((await reader.post(`/ui/r/team/app/-/${path}`, { subject: 'user:reader', action: 'push' })).status).toBe(403);
  });

  test('do not exist in mode open', async () => {
    const open: TestBerth = await startBerth();
    await pushImage(open, 'team/app', '1');
    const anybody = newVisitor(open);
    for (const path of [view, settings]) expect((await anybody.get(path)).status).toBe(404);
    expect((await anybody.post(`${view}/give`, { subject: 'anonymous', action: 'push' })).status).toBe(403);
    expect((await anybody.get('/ui/admin/users')).status).toBe(404);
    await open.close();
  });
});

test('who may do what is listed with the rule behind it', async () => {
  const { text } = await leader.get(view);
  expect(text).toMatch(/user:reader[^]*?>pull<[^]*?grant for team\/\*\*/);
  expect(text).toMatch(/user:leader[^]*?>admin<[^]*?grant for team\/app/);
  const explained = (await leader.get(`${view}?account=reader`)).text;
  expect(explained).toContain('user:reader in team/app');
  expect((await leader.get(`${view}?account=nobody`)).text).toContain('no account is called nobody');
});

describe('giving access', () => {
  test('to a user ends with the commands that use it', async () => {
    const given = await leader.post(`${view}/give`, { subject: 'user:zoe', action: 'pull' });
    expect([given.status, given.location]).toEqual([303, `${view}?given=user%3Azoe`]);
    const { text } = await leader.get(given.location);
    expect(text).toContain('user:zoe has access.');
    expect(text).toContain(`docker login ${new URL(berth.url).host} -u zoe`);
    expect(await mayPull('zoe', 'password of zoe')).toBe(true);
    const grants = await berth.metadata.grants.list(undefined, 0, 100);
    const grant = grants.find(({ subjectName }) => subjectName === 'user:zoe');
    expect((await leader.post(`${view}/revoke`, { grant: String(grant?.id) })).location).toBe(view);
    expect(await mayPull('zoe', 'password of zoe')).toBe(false);
  });

  test('to a new robot shows its secret once, with a snippet for CI', async () => {
    const form = { kind: 'robot', subject: 'builder', action: 'pull', days: '30' };
    const { location } = await admin.post(`${view}/give`, form);
    const first = (await admin.get(location)).text;
    const secret = /<code id="secret">([^<]+)</.exec(first)?.[1] ?? '';
    expect(first).toContain('--password-stdin\n  env: { BERTH_SECRET');
    expect(await mayPull('builder', secret)).toBe(true);
    const again = (await admin.get(location)).text;
    expect([again.includes(secret), again.includes('--password-stdin')]).toEqual([false, true]);
  });

  test.each([
    [{ subject: 'user:nobody', action: 'pull' }, 'subject', 'no account is called nobody'],
    [{ subject: 'zoe', action: 'pull' }, 'subject', 'is none of user:NAME'],
    [{ subject: 'user:zoe' }, undefined, 'Choose at least one action.'],
  ])('%j is refused, and the form keeps its input', async (form, field, message) => {
    const { status, text } = await leader.post(`${view}/give`, form);
    expect([status, text.includes(message), text.includes(`value="${form.subject}"`)]).toEqual([400, true, true]);
    if (field !== undefined) expect(text).toMatch(new RegExp(`name="${field}"[^>]*aria-invalid="true"`));
  });

  test('only admins of the registry make robots, and only grants below are revoked', async () => {
    const { status } = await leader.post(`${view}/give`, { kind: 'robot', subject: 'sneaky', action: 'pull', days: '30' });
    expect([status, await berth.metadata.accounts.findByName('sneaky')]).toEqual([400, undefined]);
    const wide = (await berth.metadata.grants.list(undefined, 0, 100)).find(({ pattern }) => pattern === 'team/**');
    expect((await leader.post(`${view}/revoke`, { grant: String(wide?.id) })).status).toBe(403);
    expect((await leader.post(`${view}/give`, { subject: 'anonymous', action: 'pull' }, { Origin: 'null' })).status).toBe(403);
  });
});

describe('settings', () => {
  test('change the visibility of the repository', async () => {
    expect((await leader.get(settings)).text).toContain('No rule makes it public.');
    for (const [visibility, status] of [
      ['public', 200],
      ['private', 401],
      ['default', 401],
    ] as const) {
      expect((await leader.post(`${settings}/visibility`, { visibility })).location).toBe(settings);
      expect((await call(berth, 'GET', '/v2/team/app/tags/list')).status).toBe(status);
      expect((await leader.get(settings)).text).toMatch(new RegExp(`value="${visibility}" selected`));
    }
  });

  test('change the description, and a refused one is kept', async () => {
    const path = `${settings}/description`;
    expect((await leader.post(path, { description: ' Our <app> ' })).location).toBe(settings);
    expect((await leader.get(settings)).text).toContain('value="Our &#60;app&#62;"');
    const { status, text } = await leader.post(path, { description: 'x'.repeat(301) });
    expect([status, text.includes('x'.repeat(301))]).toEqual([400, true]);
    expect(text).toMatch(/name="description"[^>]*aria-invalid="true"/);
  });

  test('show the rules about tags that the API shows', async () => {
    const rules = (await apiOf(() => berth)('GET', '/tag-rules?repository=team/app')).json();
    expect(rules).toEqual({
      immutable: ['team/**:v*'],
      protected: ['**:stable'],
      retention: [{ name: 'branches', match: ['team/*:b-*'] }],
    });
    const { text } = await leader.get(settings);
    for (const shown of ['team/**:v*', '**:stable', 'team/*:b-*', 'rule branches of retention']) expect(text).toContain(shown);
    expect((await leader.get(/href="(\/ui\/storage\/retention[^"]*)"/.exec(text)?.[1] ?? '')).status).toBe(200);
  });
});
