import { afterEach, describe, expect, test } from '@jest/globals';
import { callAs, startGuarded } from '../../support/access.ts';
import { call } from '../../support/call.ts';
import { startFakeUpstream } from '../../support/fake-upstream.ts';
import { type GuardedMirror, admin, alice, bot, startGuardedMirror } from '../../support/guarded-mirror.ts';
import { digestOf } from '../../support/images.ts';
import { mirrorConfig } from '../../support/mirror.ts';

describe('checks of upstream visibility', () => {
  let berth: GuardedMirror;
  afterEach(() => berth.close());
  const get = (path: string) => call(berth, 'GET', `/v2/docker.io/${path}`);
  const status = async (path: string) => (await get(path)).status;

  test('are sent once in a while for all clients, and not for clients that may read the repository anyway', async () => {
    berth = await startGuardedMirror([]);
    const { digest, layer } = berth.hub.addImage('library/open', '1');
    const anonymous = () => berth.hub.count('GET', /^\/token/, 'token') - tokensOfBot();
    const tokensOfBot = () => berth.hub.requests.filter(({ at, headers }) => at === 'token' && headers.authorization).length;
    expect((await call(berth, 'GET', '/v2/docker.io/library/open/manifests/1', { headers: admin })).status).toBe(200);
    expect([anonymous(), tokensOfBot()]).toEqual([0, 1]);
    const paths = ['manifests/1', `manifests/${digest}`];
    const heads = berth.hub.count('HEAD', /manifests/);
    await Promise.all(Array.from({ length: 20 }, () => get('library/open/manifests/1')));
    // One that is told to get a token, and one with it.
    expect(berth.hub.count('HEAD', /manifests/) - heads).toBe(2);
    await Promise.all(Array.from({ length: 20 }, (_, index) => get(`library/open/${paths[index % 2] ?? ''}`)));
    expect(await status(`library/open/blobs/${digestOf(layer)}`)).toBe(200);
    const asked = berth.hub.requests.length;
    for (let pull = 0; pull < 20; pull++) {
      for (const path of [...paths, `blobs/${digestOf(layer)}`]) expect(await status(`library/open/${path}`)).toBe(200);
    }
    expect(berth.hub.requests.length).toBe(asked);
    expect([anonymous(), tokensOfBot()]).toEqual([1, 1]);
  });

  test('are stored for the next start and for other replicas', async () => {
    berth = await startGuardedMirror([]);
    berth.hub.addImage('library/open', '1');
    expect(await status('library/open/manifests/1')).toBe(200);
    const asked = berth.hub.requests.length;
    const other = await startGuarded(berth.environment);
    expect((await call(other, 'GET', '/v2/docker.io/library/open/manifests/1')).status).toBe(200);
    expect(berth.hub.requests.length).toBe(asked);
    await other.close();
  });

  test('hide stored content when it becomes private at the upstream, and show it when it becomes public', async () => {
    berth = await startGuardedMirror([], { publicCheck: '0s' });
    const { digest, layer } = berth.hub.addImage('library/open', '1');
    const paths = ['manifests/1', `manifests/${digest}`, `blobs/${digestOf(layer)}`, 'tags/list', `referrers/${digest}`];
    const statuses = () => Promise.all(paths.map((path) => status(`library/open/${path}`)));
    expect(await status('library/open/manifests/1')).toBe(200);
    expect(await statuses()).toEqual([200, 200, 200, 200, 200]);
    for (const refusal of [401, 403, 404] as const) {
      berth.hub.hide('library/open', ['bot'], refusal);
      expect(await statuses()).toEqual([401, 401, 401, 401, 401]);
      berth.hub.show('library/open');
      expect(await statuses()).toEqual([200, 200, 200, 200, 200]);
    }
  });

  test('keep their last result while the upstream is down, and hide a repository without a result', async () => {
    berth = await startGuardedMirror(['alice', 'bob'], { publicCheck: '0s' });
    const { layer } = berth.hub.addImage('library/open', '1');
    const secret = berth.hub.addImage('company/secret', '1');
    berth.hub.hide('company/secret', ['bot']);
    expect(await status('library/open/manifests/1')).toBe(200);
    expect(await status(`library/open/blobs/${digestOf(layer)}`)).toBe(200);
    expect((await berth.as('alice', 'GET', '/v2/docker.io/company/secret/manifests/1')).status).toBe(200);
    const refused = (await get('company/secret/manifests/1')).body.toString();
    await berth.hub.goAway();
    expect(await status('library/open/manifests/1')).toBe(200);
    expect(await status(`library/open/blobs/${digestOf(layer)}`)).toBe(200);
    for (const reference of ['1', secret.digest]) {
      const answer = await get(`company/secret/manifests/${reference}`);
      expect([answer.status, answer.body.toString()]).toEqual([401, refused]);
    }
    expect((await berth.as('bob', 'GET', '/v2/docker.io/library/never-seen/manifests/1')).status).toBe(404);
    expect((await berth.as('alice', 'GET', '/v2/docker.io/company/secret/manifests/1')).status).toBe(200);
    await berth.hub.comeBack();
  });

  test('do not hide a repository after a request for a missing manifest', async () => {
    berth = await startGuardedMirror([]);
    berth.hub.addImage('library/open', '1');
    expect(await status('library/open/manifests/nope')).toBe(401);
    expect(await status('library/open/manifests/1')).toBe(200);
    expect(await status('library/open/manifests/nope')).toBe(404);
  });

  test('let a listing show a public repository that was never pulled', async () => {
    berth = await startGuardedMirror([]);
    berth.hub.addImage('library/open', '1');
    expect(await status('library/open/tags/list')).toBe(200);
  });

  test('find nothing public at an upstream that requires a login', async () => {
    const hub = await startFakeUpstream({ auth: 'basic', login: bot });
    berth = await startGuardedMirror(['alice'], {}, hub);
    hub.addImage('company/secret', '1');
    expect(await status('company/secret/manifests/1')).toBe(401);
    expect((await berth.as('alice', 'GET', '/v2/docker.io/company/secret/manifests/1')).status).toBe(200);
    expect(await status('company/secret/manifests/1')).toBe(401);
  });

  test('do not mistake a login page for a manifest', async () => {
    berth = await startGuardedMirror([]);
    berth.hub.addImage('company/secret', '1');
    berth.hub.hide('company/secret', ['bot']);
    const page = { status: 200, headers: { 'Content-Type': 'text/html' }, body: '<h1>Log in</h1>' };
    berth.hub.misbehave('HEAD', /manifests/, page, 9);
    berth.hub.misbehave('GET', /manifests/, page, 9);
    expect(await status('company/secret/manifests/1')).toBe(401);
  });

  test('apply to content from a login also after the login or the upstream is removed', async () => {
    berth = await startGuardedMirror(['alice']);
    const { layer } = berth.hub.addImage('company/secret', '1');
    berth.hub.hide('company/secret', ['bot']);
    const paths = ['manifests/1', `blobs/${digestOf(layer)}`];
    for (const path of paths) expect((await berth.as('admin', 'GET', `/v2/docker.io/company/secret/${path}`)).status).toBe(200);
    for (const upstreams of [{ 'docker.io': { url: berth.hub.url } }, { 'ghcr.io': { url: berth.hub.url } }]) {
      const { file, remove } = await mirrorConfig({ upstreams });
      const other = await startGuarded({ ...berth.environment, BERTH_CONFIG: file });
      for (const path of paths) {
        expect((await call(other, 'GET', `/v2/docker.io/company/secret/${path}`)).status).toBe(401);
        expect((await callAs(other, alice, 'GET', `/v2/docker.io/company/secret/${path}`)).status).toBe(200);
      }
      await other.close();
      await remove();
    }
  });

  test('send nothing to an upstream that berth has no login for', async () => {
    const hub = await startFakeUpstream();
    berth = await startGuardedMirror([], { upstreams: { 'docker.io': { url: hub.url } } }, hub);
    hub.addImage('library/open', '1');
    expect(await status('library/open/manifests/1')).toBe(200);
    expect(hub.requests.map(({ method }) => method)).toEqual(['GET']);
  });
});
