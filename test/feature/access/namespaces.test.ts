import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type GuardedBerth, admin, apiOf, basic, callAs, pushAs, startGuarded } from '../../support/access.ts';
import { type OidcProvider, oidcSettings, startOidcProvider } from '../../support/oidc-provider.ts';
import { newVisitor } from '../../support/visitor.ts';

let provider: OidcProvider;
let berth: GuardedBerth;

beforeAll(async () => {
  provider = await startOidcProvider();
  berth = await startGuarded(oidcSettings(provider));
});
afterAll(() => Promise.all([berth.close(), provider.close()]));

/** Logs a new person in by the provider. Resolves to the login of an access token of that person. */
async function arrive(name: string): Promise<{ readonly Authorization: string }> {
  provider.claims = { sub: `${name} ${Math.random()}`, preferred_username: name };
  const visitor = newVisitor(berth);
  const { location } = await visitor.get('/ui/oidc');
  await visitor.get((await visitor.get(location)).location);
  expect((await visitor.get('/ui')).status).toBe(200);
  const { secret } = await berth.administration.createToken({ account: name.toLowerCase(), name: 'test' });
  return basic(name.toLowerCase(), secret);
}

const canPush = (login: { readonly Authorization: string }, repository: string) =>
  pushAs(berth, login, repository, '1').then(
    () => true,
    (error: unknown) => {
      expect(String(error)).toContain('403');
      return false;
    },
  );
const api = apiOf(() => berth);
const creationOf = async (name: string) =>
  (await berth.metadata.audit.list({ target: name }, Number.MAX_SAFE_INTEGER, 100)).find(({ action }) => action === 'user.create')
    ?.detail;

test('a new person owns the repositories below a name that is free', async () => {
  expect(await canPush(await arrive('nora'), 'nora/app')).toBe(true);
});

test('a name of another case is the same name', async () => {
  expect(await canPush(await arrive('Olga'), 'olga/app')).toBe(true);
  provider.claims = { sub: 'another', preferred_username: 'OLGA' };
  const visitor = newVisitor(berth);
  const { location } = await visitor.get('/ui/oidc');
  expect((await visitor.get((await visitor.get(location)).location)).status).toBe(403);
});

test.each([
  ['repositories', 'team-a', () => pushAs(berth, admin, 'team-a/app', '1')],
  ['grants', 'team-b', () => berth.administration.grant('authenticated', 'team-b/tools', 'pull')],
  ['grants', 'team-c', () => berth.administration.grant('authenticated', 'team-c**', 'pull')],
  ['visibility', 'team-d', () => berth.administration.setPublic('team-d/**', false)],
] as const)('%s of others below a name keep a new person from owning it: %s', async (obstacle, name, prepare) => {
  await prepare();
  const login = await arrive(name);
  expect(await canPush(login, `${name}/evil`)).toBe(false);
  expect((await callAs(berth, login, 'GET', `/v2/${name}/app/manifests/1`)).status).toBe(404);
  expect(JSON.parse((await creationOf(name)) ?? '{}')).toMatchObject({ noNamespace: obstacle });
});

test('a rule of all names keeps nobody from owning a namespace', async () => {
  await berth.administration.grant('authenticated', '**', 'pull');
  expect(await canPush(await arrive('piet'), 'piet/app')).toBe(true);
});

test.each(['library', 'docker.io', 'ghcr.io'])('nobody owns %s', async (name) => {
  expect(await canPush(await arrive(name), `${name}/app`)).toBe(false);
});

test('a re-created account does not inherit what the deleted one has left, until an admin releases the name', async () => {
  const first = await arrive('quinn');
  expect(await canPush(first, 'quinn/app')).toBe(true);
  await berth.administration.deleteAccount('quinn');
  const second = await arrive('quinn');
  expect(await canPush(second, 'quinn/app')).toBe(false);
  expect((await api('GET', '/namespaces?limit=1000')).json()).toMatchObject({
    items: expect.arrayContaining([
      { name: 'nora', owner: 'nora', deletedAt: null },
      { name: 'quinn', owner: null, deletedAt: expect.stringMatching(/^20/) },
    ]),
  });
  expect((await api('DELETE', '/namespaces/nora')).status).toBe(409);
  const released = await api('DELETE', '/namespaces/quinn');
  expect(released.json()).toMatchObject({ namespace: null, note: expect.stringContaining('it holds repositories already') });
  expect(await canPush(second, 'quinn/app')).toBe(false);
});

test('a released name without repositories belongs to the account that has it, or to the next one', async () => {
  for (const name of ['rosa', 'sven']) {
    await arrive(name);
    await berth.administration.deleteAccount(name);
  }
  const rosa = await arrive('rosa');
  expect(await canPush(rosa, 'rosa/app')).toBe(false);
  await berth.administration.grant('user:rosa', 'rosa/**', 'pull');
  expect((await api('DELETE', '/namespaces/rosa')).json()).toEqual({ name: 'rosa', namespace: 'rosa/**' });
  expect(await canPush(rosa, 'rosa/app')).toBe(true);
  expect((await api('DELETE', '/namespaces/sven')).json()).toEqual({ name: 'sven', namespace: null });
  expect((await api('DELETE', '/namespaces/sven')).status).toBe(404);
  expect(await canPush(await arrive('sven'), 'sven/app')).toBe(true);
});

test('the answer to a creation says whether the user owns a namespace, and if not why', async () => {
  const create = async (name: string) => (await api('POST', '/users', { name, password: 'long enough' })).json();
  expect(await create('tilda')).toEqual({ name: 'tilda', namespace: 'tilda/**' });
  await pushAs(berth, admin, 'used/app', '1');
  expect(await create('used')).toEqual({
    name: 'used',
    namespace: null,
    note: expect.stringContaining("berth grant add user:used 'used/**' push"),
  });
  expect(await create('quay.io')).toMatchObject({ namespace: null, note: expect.stringContaining('reserved') });
  expect(await create('u@example.com')).toMatchObject({ namespace: null, note: expect.stringContaining('cannot begin') });
});
