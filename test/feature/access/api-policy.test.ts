import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Needs, Route } from '../../../src/http/api/table/route.ts';
import { routes, routesOf } from '../../../src/http/api/routes.ts';
import { type GuardedBerth, adminPassword, basic, startGuarded } from '../../support/access.ts';
import { type TestBerth, startBerth } from '../../support/berth.ts';
import { type Call, call } from '../../support/call.ts';

/** The policy of the API, written down a second time: what each kind of client gets for each kind of row. */
const clients = ['anonymous', 'user', 'leader', 'admin', 'access token', "admin's access token", 'robot'] as const;
type Client = (typeof clients)[number];
type Outcome = 'allow' | 401 | 403;

const refuseAll: Readonly<Record<Client, Outcome>> = {
  anonymous: 401,
  user: 403,
  leader: 403,
  admin: 'allow',
  'access token': 403,
  "admin's access token": 403,
  robot: 403,
};
const allowAll = Object.fromEntries(clients.map((client) => [client, 'allow'])) as Record<Client, Outcome>;

const policy: Readonly<Record<Exclude<Needs, object> | 'adminOf' | 'inRepository', Readonly<Record<Client, Outcome>>>> = {
  nothing: allowAll,
  account: { ...allowAll, anonymous: 401 },
  password: { ...refuseAll, user: 'allow', leader: 'allow' },
  admin: refuseAll,
  adminOf: { ...refuseAll, leader: 'allow' },
  // Who may not pull from the repository gets 404: `content-api.test.ts` has the rights in repositories.
  inRepository: { ...allowAll, anonymous: 401 },
};

let berth: GuardedBerth;
beforeAll(async () => {
  berth = await startGuarded();
  for (const name of ['user', 'leader']) {
    await berth.administration.createUser({ name, password: `password of ${name}`, isAdmin: false });
  }
  await berth.administration.grant('user:leader', 'led/**', 'admin');
  await berth.administration.createRobot({ name: 'robot', grants: ['led/**:admin'] });
});
afterAll(() => berth.close());

/** Returns a login of the client, and the id of its secret where it has one. */
async function loginOf(
  client: Client,
): Promise<{ readonly headers: Readonly<Record<string, string>>; readonly tokenId: string }> {
  const owners: Partial<Record<Client, string>> = { 'access token': 'user', "admin's access token": 'admin', robot: 'robot' };
  const account = owners[client];
  if (account !== undefined) {
    const { id, secret } = await berth.administration.createToken({ account, name: 'policy' });
    return { headers: basic(account, secret), tokenId: id };
  }
  const passwords: Partial<Record<Client, string>> = { admin: adminPassword };
  const headers = client === 'anonymous' ? {} : basic(client, passwords[client] ?? `password of ${client}`);
  return { headers, tokenId: 'unknown' };
}

/** Only rows about a pattern need a body that is valid: other permissions are checked before the body is read. */
function bodyOf({ body, needs }: Route): string | undefined {
  if (!body) return undefined;
  if (typeof needs !== 'object') return '{}';
  return JSON.stringify(
    'subject' in body.shape ? { pattern: 'led/x', subject: 'anonymous', actions: ['pull'] } : { pattern: 'led/x' },
  );
}

async function pathOf(route: Route, tokenId: string): Promise<string> {
  const { path, query } = route;
  const id = path.startsWith('/grants/') ? await berth.administration.grant('anonymous', 'led/x', 'pull') : tokenId;
  const filled = path.replace('{id}', String(id)).replace(/\{\w+\}/g, 'ghost');
  // Rows about a pattern without a body have it in the query.
  const about = Object.keys(query?.shape ?? {}).find((name) => ['repository', 'repositories'].includes(name));
  return about === undefined || needsOf(route) !== 'adminOf' ? filled : `${filled}?account=user&${about}=led/x`;
}

const needsOf = ({ needs }: Route) => (typeof needs !== 'object' ? needs : 'adminOf' in needs ? 'adminOf' : 'inRepository');

test('every row requires an admin except these', () => {
  const others = routes.filter(({ needs }) => needs !== 'admin');
  expect(Object.fromEntries(others.map((route) => [`${route.method} ${route.path}`, needsOf(route)]))).toEqual({
    'GET /openapi.json': 'nothing',
    'GET /me': 'account',
    'GET /repositories': 'account',
    'GET /search': 'account',
    'GET /repository': 'inRepository',
    'PATCH /repository': 'inRepository',
    'PUT /stars': 'inRepository',
    'DELETE /stars': 'inRepository',
    'GET /tags': 'inRepository',
    'GET /image': 'inRepository',
    'GET /image/files': 'inRepository',
    'GET /image/file': 'inRepository',
    'GET /image/file/content': 'inRepository',
    'GET /image/packages': 'inRepository',
    'GET /image/waste': 'inRepository',
    'GET /image/referrers': 'inRepository',
    'GET /image/sbom': 'inRepository',
    'GET /image/provenance': 'inRepository',
    'GET /diff': 'inRepository',
    'PUT /me/password': 'password',
    'GET /me/tokens': 'account',
    'POST /me/tokens': 'password',
    'DELETE /me/tokens/{id}': 'account',
    'POST /grants': 'adminOf',
    'DELETE /grants/{id}': 'adminOf',
    'PUT /visibilities': 'adminOf',
    'GET /explain': 'adminOf',
    'GET /access': 'adminOf',
    'GET /trash': 'inRepository',
    'POST /trash/{id}/restore': 'inRepository',
    'POST /trash/empty': 'inRepository',
    'POST /deletions': 'inRepository',
    'GET /holds': 'inRepository',
    'POST /holds': 'inRepository',
    'DELETE /holds': 'inRepository',
    'GET /mirror/check': 'account',
    'GET /storage/trash': 'account',
    'GET /storage/tree': 'account',
    'GET /tag-history': 'inRepository',
    'POST /tag-history/restore': 'inRepository',
    'GET /why': 'inRepository',
    'GET /archive': 'inRepository',
    'POST /archives': 'inRepository',
    'POST /image/fetch': 'inRepository',
    'GET /jobs': 'account',
    'GET /jobs/{id}': 'account',
    'DELETE /jobs/{id}': 'account',
    'GET /jobs/{id}/events': 'account',
    'GET /archives': 'account',
    'POST /mirror/check': 'account',
    'POST /mirror/upstreams/check': 'account',
    'GET /archives/{id}': 'account',
    'POST /archives/{id}/commit': 'account',
    'DELETE /archives/{id}': 'account',
    'GET /tag-rules': 'inRepository',
    'GET /retention/preview': 'adminOf',
    'GET /retention/log': 'adminOf',
    'GET /maintenance': 'account',
    'GET /quotas': 'adminOf',
  });
});

describe.each(clients)('a client that is %s', (client) => {
  test.each(routes.map((route) => [route.method, route.path, route] as const))('%s %s', async (method, path, route) => {
    const { headers, tokenId } = await loginOf(client);
    const body = bodyOf(route);
    const json = body === undefined ? {} : { 'Content-Type': 'application/json' };
    const answer = await call(berth, method, `/api/v1${await pathOf(route, tokenId)}`, {
      headers: { ...headers, ...json },
      ...(body === undefined ? {} : { body }),
    });
    const expected = policy[needsOf(route)][client];
    expect([path, answer.status === 401 || answer.status === 403 ? answer.status : 'allow']).toEqual([path, expected]);
    expect(answer.status).toBeLessThan(500);
  });
});

describe('in mode open', () => {
  const openRows = routesOf({ hasAccounts: false });
  let open: TestBerth;
  let mirror: TestBerth;
  beforeAll(async () => {
    open = await startBerth();
    mirror = await startBerth({ BERTH_ACCESS_OPEN_ACTIONS: 'pull' });
  });
  afterAll(() => Promise.all([open.close(), mirror.close()]));

  function ask(route: Route, headers: Call['headers'] = {}) {
    const body = bodyOf(route);
    const path = route.path.replace(/\{\w+\}/g, 'ghost');
    const given = inRepository(route) ? `${path}?repository=led/x&reference=1&from=1&to=2&path=x&tag=1` : path;
    if (body === undefined) return call(open, route.method, `/api/v1${given}`, { headers });
    return call(open, route.method, `/api/v1${given}`, { headers: { ...headers, 'Content-Type': 'application/json' }, body });
  }
  const inRepository = (route: Route) => needsOf(route) === 'inRepository';
  const ofAdmins = ({ needs }: Route) => needs === 'admin' || (typeof needs === 'object' && 'adminOf' in needs);

  test('all rows exist but those of accounts', async () => {
    const left = routes.filter(({ path }) => !openRows.some((row) => row.path === path)).map(({ path }) => path);
    expect(new Set(left.map((path) => path.split('/')[1]))).toEqual(
      new Set([
        ...['me', 'users', 'robots', 'namespaces', 'teams', 'grants', 'visibilities', 'audit', 'keys', 'htpasswd'],
        ...['explain', 'access', 'stars'],
      ]),
    );
    expect((await call(open, 'GET', '/api/v1/users')).status).toBe(404);
    const { paths } = (await call(open, 'GET', '/api/v1/openapi.json')).json() as { paths: object };
    expect(Object.keys(paths)).toEqual([...new Set(openRows.map(({ path }) => path))]);
  });

  test.each(openRows.map((route) => [route.method, route.path, route] as const))('%s %s', async (method, _path, route) => {
    const answer = await ask(route);
    const isRefused = ofAdmins(route) && method !== 'GET';
    expect(answer.status === 401 || answer.status === 403).toBe(isRefused);
    expect(answer.status).toBeLessThan(500);
    if (isRefused) expect(answer.body.toString()).toContain('berth --help');
  });

  test.each(openRows.filter(({ method }) => method !== 'GET').map((route) => [route.method, route.path, route] as const))(
    '%s %s is refused to a page of another site',
    async (_method, _path, route) => {
      for (const headers of [{ 'Sec-Fetch-Site': 'cross-site' }, { Origin: 'https://evil.example' }, { Origin: 'null' }]) {
        const answer = await ask(route, headers);
        expect([answer.status, answer.body.toString()]).toEqual([403, expect.stringContaining('a page of another site')]);
      }
    },
  );

  test.each([
    ['/deletions', { reference: '1' }],
    ['/holds', { reference: '1', reason: 'release' }],
    ['/trash/empty', {}],
    ['/tag-history/restore', { tag: '1' }],
  ])('POST %s follows access.openActions', async (path, fields) => {
    const headers = { 'Content-Type': 'application/json' };
    const body = JSON.stringify({ repository: 'led/x', ...fields });
    expect((await call(mirror, 'POST', `/api/v1${path}`, { headers, body })).status).toBe(403);
    expect((await call(open, 'POST', `/api/v1${path}`, { headers, body })).status).not.toBe(403);
  });
});
