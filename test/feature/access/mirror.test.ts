import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type GuardedBerth, admin, alice, askToken, basic, callAs, pushAs, startGuarded } from '../../support/access.ts';
import { call } from '../../support/call.ts';
import { type FakeUpstream, startFakeUpstream } from '../../support/fake-upstream.ts';
import { until } from '../../support/until.ts';

/** What is mirrored lies in repositories too: docker.io/library/alpine. */
let hub: FakeUpstream;
let ghcr: FakeUpstream;
let berth: GuardedBerth;
let folder: string;

beforeAll(async () => {
  [hub, ghcr, folder] = await Promise.all([startFakeUpstream(), startFakeUpstream(), mkdtemp(join(tmpdir(), 'berth-guarded-'))]);
  const file = join(folder, 'config.yaml');
  const upstreams = { 'docker.io': { url: hub.url }, 'ghcr.io': { url: ghcr.url } };
  await writeFile(file, JSON.stringify({ mirror: { default: 'docker.io', upstreams } }));
  berth = await startGuarded({ BERTH_CONFIG: file });
  hub.addImage('library/alpine', '1');
  ghcr.addImage('owner/image', '1');
  await berth.administration.setPublic('docker.io/**', true);
  await berth.administration.createUser({ name: 'alice', password: 'wonderland', isAdmin: false });
  await berth.administration.grant('user:alice', 'ghcr.io/owner/*', 'pull,push');
  await pushAs(berth, admin, 'secret/app', '1');
});
afterAll(async () => {
  await berth.close();
  await Promise.all([hub.close(), ghcr.close(), rm(folder, { recursive: true })]);
});

test('a public repository is readable without a login, by every one of its names and with any token', async () => {
  // dockerd asks for a token for the name that it uses, whatever the challenge says.
  const bearer = { Authorization: `Bearer ${await askToken(berth, undefined, 'repository:library/alpine:pull')}` };
  for (const path of ['/v2/docker.io/library/alpine', '/docker.io/v2/library/alpine', '/v2/library/alpine', '/v2/alpine']) {
    expect((await call(berth, 'GET', `${path}/manifests/1`)).status).toBe(200);
    expect((await call(berth, 'GET', `${path}/manifests/1`, { headers: bearer })).status).toBe(200);
  }
  expect((await call(berth, 'GET', '/v2/library/alpine/manifests/1?ns=docker.io')).status).toBe(200);
});

test('a private repository needs a grant, and without one berth sends nothing to the upstream', async () => {
  const path = '/v2/owner/image/manifests/1?ns=ghcr.io';
  const anonymous = await call(berth, 'GET', path);
  expect([anonymous.status, anonymous.headers['www-authenticate']]).toEqual([
    401,
    expect.stringContaining('scope="repository:ghcr.io/owner/image:pull"'),
  ]);
  await berth.administration.createUser({ name: 'bob', password: 'bob the builder', isAdmin: false });
  expect((await callAs(berth, basic('bob', 'bob the builder'), 'GET', path)).status).toBe(404);
  expect(ghcr.requests).toEqual([]);
  expect((await callAs(berth, alice, 'GET', path)).status).toBe(200);
});

test('pushes into a mirrored repository are refused, with the reason for subjects that could push', async () => {
  const push = (login: { readonly Authorization: string } | undefined) =>
    callAs(berth, login, 'POST', '/v2/ghcr.io/owner/image/blobs/uploads/', { headers: { 'Content-Length': 0 } });
  expect((await push(undefined)).status).toBe(401);
  expect((await push(basic('bob', 'bob the builder'))).body.toString()).toContain('bob has no right to push');
  expect((await push(alice)).body.toString()).toContain('is mirrored from ghcr.io');
});

test('the answer for a name does not reveal whether it was pushed here, except to subjects that may read it', async () => {
  const answers = async (login: { readonly Authorization: string } | undefined, name: string) => {
    const { status, headers, body } = await call(berth, 'GET', `/v2/${name}/manifests/1`, { headers: { ...login } });
    return [status, headers['www-authenticate'], body.toString()].join(' ').replaceAll(name, 'NAME');
  };
  const tellNothing = async () => {
    for (const login of [undefined, alice]) {
      expect(await answers(login, 'secret/app')).toBe(await answers(login, 'secret/none'));
    }
  };
  await tellNothing();
  // The upstream is public and has nothing of that name: clients that ask first without a login still get to log in.
  expect((await callAs(berth, admin, 'GET', '/v2/secret/app/manifests/1')).status).toBe(200);
  expect((await callAs(berth, alice, 'GET', '/v2/secret/app/manifests/1')).status).toBe(404);
  await berth.administration.setPublic('docker.io/**', undefined);
  await until(async () => (await call(berth, 'GET', '/v2/docker.io/library/alpine/manifests/1')).status === 401);
  await tellNothing();
  expect(await answers(undefined, 'secret/app')).toContain('scope="repository:docker.io/NAME:pull repository:NAME:pull"');
  expect((await callAs(berth, admin, 'GET', '/v2/secret/app/manifests/1')).status).toBe(200);
});
