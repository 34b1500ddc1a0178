import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Route, routes } from '../../../src/http/v2/routes.ts';
import { type GuardedBerth, adminPassword, askToken, basic, callAs, pushAs, startGuarded } from '../../support/access.ts';
import { type Answer, call } from '../../support/call.ts';
import { digestOf } from '../../support/images.ts';

/** What each kind of subject gets for each kind of access: the whole policy, written down a second time. */
type Outcome = 'allow' | 'challenge' | 'deny' | 'hide';
const subjects = ['nobody', 'stranger', 'puller', 'adder', 'pusher', 'deleter', 'reader', 'team', 'org', 'admin'] as const;
type Subject = (typeof subjects)[number];
type Policy = Readonly<Record<Subject, Outcome>>;

const everybody = (outcome: Outcome, others: Partial<Policy> = {}): Policy =>
  ({ ...Object.fromEntries(subjects.map((subject) => [subject, outcome])), ...others }) as Policy;

const policy: Readonly<Record<'private' | 'public', Readonly<Record<Route['access'], Policy>>>> = {
  private: {
    any: everybody('allow', { nobody: 'challenge' }),
    list: everybody('allow', { nobody: 'challenge' }),
    pull: everybody('allow', { nobody: 'challenge', stranger: 'hide', adder: 'hide', pusher: 'hide', deleter: 'hide' }),
    add: everybody('deny', { nobody: 'challenge', adder: 'allow', pusher: 'allow', team: 'allow', org: 'allow', admin: 'allow' }),
    push: everybody('deny', { nobody: 'challenge', pusher: 'allow', team: 'allow', org: 'allow', admin: 'allow' }),
    delete: everybody('hide', {
      nobody: 'challenge',
      puller: 'deny',
      reader: 'deny',
      team: 'deny',
      deleter: 'allow',
      org: 'allow',
      admin: 'allow',
    }),
    admin: everybody('deny', { nobody: 'challenge', admin: 'allow' }),
  },
  public: {
    any: everybody('allow', { nobody: 'challenge' }),
    list: everybody('allow', { nobody: 'challenge' }),
    pull: everybody('allow'),
    add: everybody('deny', { nobody: 'challenge', adder: 'allow', pusher: 'allow', team: 'allow', org: 'allow', admin: 'allow' }),
    push: everybody('deny', { nobody: 'challenge', pusher: 'allow', team: 'allow', org: 'allow', admin: 'allow' }),
    delete: everybody('deny', { nobody: 'challenge', deleter: 'allow', org: 'allow', admin: 'allow' }),
    admin: everybody('deny', { nobody: 'challenge', admin: 'allow' }),
  },
};

let berth: GuardedBerth;
const logins = new Map<Subject, { readonly Authorization: string }>();

beforeAll(async () => {
  berth = await startGuarded();
  const { administration } = berth;
  logins.set('admin', basic('admin', adminPassword));
  for (const name of ['stranger', 'team', 'org'] as const) {
    await administration.createUser({ name, password: passwordOf(name), isAdmin: false });
    logins.set(name, basic(name, passwordOf(name)));
  }
  for (const [name, actions] of Object.entries({ puller: 'pull', adder: 'add', pusher: 'push', deleter: 'delete' })) {
    const { secret } = await administration.createRobot({ name, grants: [`org/**:${actions}`] });
    logins.set(name as Subject, basic(name, secret));
  }
  const { secret } = await administration.createToken({ account: 'org', name: 'reading', scopes: ['org/*:pull'] });
  logins.set('reader', basic('org', secret));
  await administration.createTeam('devs');
  await administration.addMember('devs', 'team');
  await administration.grant('team:devs', 'org/*', 'pull,push');
  await administration.setPublic('org/public', true);
  for (const repository of ['org/private', 'org/public']) await pushAs(berth, basic('org', passwordOf('org')), repository, '1');
});
afterAll(() => berth.close());

const passwordOf = (name: string) => `password of ${name}`;
const digest = `sha256:${'0'.repeat(64)}`;

function pathOf({ path }: Route, repository: string): string {
  return path
    .replace('<name>', repository)
    .replace('<digest>', digest)
    .replace('<reference>', 'nothing')
    .replace('<id>', randomUUID());
}

/** What an answer says about access: whatever the handler itself says is `allow`. */
function outcomeOf(answer: Answer): Outcome {
  const codes = answer.status >= 400 && answer.body.length > 0 ? answer.codes() : [];
  if (answer.status === 401) return 'challenge';
  if (codes.includes('DENIED')) return 'deny';
  return codes.includes('NAME_UNKNOWN') ? 'hide' : 'allow';
}

describe.each(['private', 'public'] as const)('a %s repository', (visibility) => {
  test.each(routes.map((route) => [`${route.method} ${route.path}`, route] as const))('%s', async (_title, route) => {
    const expected = policy[visibility][route.access];
    const withBasic: Partial<Record<Subject, Outcome>> = {};
    const withBearer: Partial<Record<Subject, Outcome>> = {};
    for (const subject of subjects) {
      const path = pathOf(route, `org/${visibility}`);
      const login = logins.get(subject);
      withBasic[subject] = outcomeOf(await call(berth, route.method, path, { headers: { ...login, 'Content-Length': 0 } }));
      withBearer[subject] = outcomeOf(await callAs(berth, login, route.method, path, { headers: { 'Content-Length': 0 } }));
    }
    expect(withBasic).toEqual(expected);
    // Who has no login may still fetch a token, and come in.
    expect(withBearer).toEqual(route.access === 'any' || route.access === 'list' ? { ...expected, nobody: 'allow' } : expected);
  });

  test('HEAD is allowed as GET is and has no body', async () => {
    for (const subject of subjects) {
      const [head, get] = [
        await call(berth, 'HEAD', `/v2/org/${visibility}/manifests/1`, { headers: { ...logins.get(subject) } }),
        await call(berth, 'GET', `/v2/org/${visibility}/manifests/1`, { headers: { ...logins.get(subject) } }),
      ];
      expect([head.status, head.headers['docker-content-digest']]).toEqual([get.status, get.headers['docker-content-digest']]);
    }
  });
});

test('the policy has every kind of access in the table of routes', () => {
  expect(Object.keys(policy.private)).toEqual(expect.arrayContaining([...new Set(routes.map(({ access }) => access))]));
});

test('a hidden repository is answered like a missing one, byte for byte', async () => {
  const login = logins.get('stranger');
  const bodyOf = async (name: string, path: string) => {
    const answer = await call(berth, 'GET', `/v2/${name}/${path}`, { headers: { ...login } });
    return [answer.status, answer.body.toString().replaceAll(name, 'NAME')];
  };
  for (const path of ['manifests/1', `blobs/${digest}`, 'tags/list', `referrers/${digest}`]) {
    expect(await bodyOf('org/private', path)).toEqual(await bodyOf('org/absent', path));
  }
});

test('the catalog shows each subject the repositories that it may pull', async () => {
  const list = async (subject: Subject) => {
    const answer = await callAs(berth, logins.get(subject), 'GET', '/v2/_catalog');
    return (answer.json() as { repositories: string[] }).repositories;
  };
  expect(await list('nobody')).toEqual(['org/public']);
  expect(await list('stranger')).toEqual(['org/public']);
  expect(await list('adder')).toEqual(['org/public']);
  for (const subject of ['puller', 'reader', 'team', 'org', 'admin'] as const) {
    expect(await list(subject)).toEqual(['org/private', 'org/public']);
  }
});

test('an upload session serves only its own subject and repository', async () => {
  const { administration } = berth;
  await administration.createUser({ name: 'mallory', password: passwordOf('mallory'), isAdmin: false });
  await administration.grant('user:mallory', 'org/**', 'pull,push,delete');
  const [org, mallory] = [basic('org', passwordOf('org')), basic('mallory', passwordOf('mallory'))];
  const started = await call(berth, 'POST', '/v2/org/private/blobs/uploads/', { headers: { ...org, 'Content-Length': 0 } });
  const location = started.header('location');
  expect((await call(berth, 'PATCH', location, { headers: org, body: 'secret' })).status).toBe(202);
  for (const [login, path] of [
    [mallory, location],
    [org, location.replace('org/private', 'org/public')],
  ] as const) {
    for (const method of ['GET', 'PATCH', 'PUT', 'DELETE']) {
      const query = method === 'PUT' ? `?digest=${digest}` : '';
      const answer = await call(berth, method, path + query, { headers: { ...login, 'Content-Length': 0 } });
      expect([method, answer.status, answer.codes()]).toEqual([method, 404, ['BLOB_UPLOAD_UNKNOWN']]);
    }
  }
  expect((await call(berth, 'GET', location, { headers: org })).header('range')).toBe('0-5');
});

test('a mount reads only repositories that its client may pull, and without `from` those of its token', async () => {
  const image = await pushAs(berth, basic('org', passwordOf('org')), 'org/private', 'mounted');
  const blob = digestOf(image.layer);
  await berth.administration.createUser({ name: 'peeper', password: passwordOf('peeper'), isAdmin: false });
  const mount = async (login: Readonly<Record<string, string>>, to: string, from: string) =>
    (await call(berth, 'POST', `/v2/${to}/blobs/uploads/?mount=${blob}${from}`, { headers: { ...login, 'Content-Length': 0 } }))
      .status;
  const peeper = basic('peeper', passwordOf('peeper'));
  expect(await mount(peeper, 'peeper/x', '&from=org/private')).toBe(202);
  expect(await mount(peeper, 'peeper/x', '&from=org/absent')).toBe(202);
  expect(await mount(peeper, 'peeper/x', '')).toBe(202);
  expect((await call(berth, 'HEAD', `/v2/peeper/x/blobs/${blob}`, { headers: peeper })).status).toBe(404);
  expect(await mount(basic('org', passwordOf('org')), 'org/mounted', '&from=org/private')).toBe(201);
  const bearer = async (name: string, ...scopes: string[]) => ({
    Authorization: `Bearer ${await askToken(berth, basic(name, passwordOf(name)), ...scopes)}`,
  });
  const push = 'repository:org/elsewhere:pull,push';
  expect(await mount(await bearer('org', push), 'org/elsewhere', '&from=org/private')).toBe(401);
  expect(await mount(await bearer('org', `${push} repository:org/private:pull`), 'org/elsewhere', '&from=org/private')).toBe(201);
  const both = await bearer('org', `${push} repository:org/private:pull`);
  expect(await mount(await bearer('org', push), 'org/elsewhere', '')).toBe(201);
  await call(berth, 'DELETE', `/v2/org/elsewhere/blobs/${blob}`, { headers: basic('org', passwordOf('org')) });
  expect(await mount(await bearer('org', push), 'org/elsewhere', '')).toBe(202);
  expect(await mount(both, 'org/elsewhere', '')).toBe(201);
  const confined = await bearer('peeper', 'repository:peeper/y:pull,push repository:org/private:pull');
  expect(await mount(confined, 'peeper/y', '&from=org/private')).toBe(202);
  expect(await mount(confined, 'peeper/y', '&from=org/absent')).toBe(202);
  expect(await mount(confined, 'peeper/y', '')).toBe(202);
});
