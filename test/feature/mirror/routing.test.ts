import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { TestBerth } from '../../support/berth.ts';
import { call } from '../../support/call.ts';
import { createRouting } from '../../../src/mirror/names/routing.ts';
import { createUpstreams } from '../../../src/upstream/upstream.ts';
import { type FakeUpstream, startFakeUpstream } from '../../support/fake-upstream.ts';
import { digestOf, pushImage } from '../../support/images.ts';
import { startMirror } from '../../support/mirror.ts';
import type { RepositoryName } from '../../../src/oci/reference.ts';

let hub: FakeUpstream;
let github: FakeUpstream;
let berth: TestBerth;

beforeAll(async () => {
  [hub, github] = await Promise.all([startFakeUpstream(), startFakeUpstream()]);
  berth = await startMirror({
    default: 'docker.io',
    upstreams: { 'docker.io': { url: hub.url }, 'ghcr.io': { url: github.url } },
  });
});
afterAll(async () => {
  await berth.close();
  await Promise.all([hub.close(), github.close()]);
});

const get = (path: string) => call(berth, 'GET', path);

describe('one instance of many upstreams', () => {
  test.each([
    ['?ns=', '/v2/library/alpine/manifests/1?ns=docker.io'],
    ['?ns= of an alias', '/v2/library/alpine/manifests/1?ns=registry-1.docker.io'],
    ['?ns= and a single name', '/v2/alpine/manifests/1?ns=index.docker.io'],
    ['the first part of the name', '/v2/docker.io/library/alpine/manifests/1'],
    ['the first part of the name, an alias, a single name', '/v2/registry.hub.docker.com/alpine/manifests/1'],
    ['both', '/v2/docker.io/library/alpine/manifests/1?ns=docker.io'],
    ['a part before /v2', '/docker.io/v2/library/alpine/manifests/1'],
    ['a part before /v2, and ?ns=', '/docker.io/v2/library/alpine/manifests/1?ns=docker.io'],
    ['the default', '/v2/library/alpine/manifests/1'],
    ['the default, a single name', '/v2/alpine/manifests/1'],
  ])('the upstream is found by %s', async (_how, path) => {
    const { digest } = hub.addImage('library/alpine', '1');
    await call(berth, 'DELETE', '/v2/docker.io/library/alpine/manifests/1'); // what the case before has fetched
    const answer = await get(path);
    expect([answer.status, answer.headers['docker-content-digest'], answer.headers['oci-namespace']]).toEqual([
      200,
      digest,
      'docker.io',
    ]);
    expect(answer.headers.location).toBeUndefined();
  });

  test('another upstream is another repository', async () => {
    const { digest } = github.addImage('owner/image', '1');
    expect((await get('/v2/ghcr.io/owner/image/manifests/1')).header('docker-content-digest')).toBe(digest);
    expect((await get('/v2/owner/image/manifests/1?ns=ghcr.io')).header('docker-content-digest')).toBe(digest);
    expect((await get('/v2/owner/image/manifests/1')).status).toBe(404);
  });

  test('the path before /v2 serves the ping', async () => {
    expect((await get('/ghcr.io/v2/')).status).toBe(200);
  });
});

describe('the closed list of upstreams', () => {
  test.each([
    ['ns', '/v2/library/alpine/manifests/1?ns=evil.example'],
    ['ns with a port', '/v2/library/alpine/manifests/1?ns=127.0.0.1:1'],
    ['ns with a login', '/v2/library/alpine/manifests/1?ns=user:password@ghcr.io'],
    ['ns with a path', '/v2/library/alpine/manifests/1?ns=ghcr.io%2F..%2Fevil'],
    ['the metadata service', '/v2/library/alpine/manifests/1?ns=169.254.169.254'],
    ['empty', '/v2/library/alpine/manifests/1?ns='],
    ['prefix', '/evil.example/v2/library/alpine/manifests/1'],
    ['prefix with a port', '/127.0.0.1:1/v2/library/alpine/manifests/1'],
  ])('an unknown %s is 404 NAME_UNKNOWN, without a request to any upstream', async (_what, path) => {
    const before = [hub.requests.length, github.requests.length];
    const answer = await get(path);
    expect([answer.status, answer.codes()]).toEqual([404, ['NAME_UNKNOWN']]);
    expect([hub.requests.length, github.requests.length]).toEqual(before);
  });

  test.each(['manifests/1', 'tags/list', `blobs/${digestOf('x')}`])(
    'an image of a registry that is not mirrored is told as that, and nobody is asked (%s)',
    async (path) => {
      const before = [hub.requests.length, github.requests.length];
      const answer = await get(`/v2/nvcr.io/nvidia/cuda/${path}`);
      expect([answer.status, answer.body.toString()]).toEqual([
        404,
        expect.stringContaining('nvcr.io is not mirrored here: mirror.upstreams has no such registry') as unknown,
      ]);
      expect([hub.requests.length, github.requests.length]).toEqual(before);
    },
  );

  test("ns with berth's own host means the local repository", async () => {
    const { digest } = await pushImage(berth, 'own', '1');
    const answer = await get(`/v2/own/manifests/1?ns=${new URL(berth.url).host}`);
    expect(answer.header('docker-content-digest')).toBe(digest);
    expect(answer.headers['oci-namespace']).toBeUndefined();
  });
});

describe('repositories that were pushed', () => {
  test.each([
    [{ prefix: 'ghcr.io', namespace: undefined, name: 'app' }, 'ghcr.io/app'],
    [{ prefix: undefined, namespace: 'ghcr.io', name: 'app' }, 'ghcr.io/app'],
    [{ prefix: undefined, namespace: undefined, name: 'docker.io/alpine' }, 'docker.io/library/alpine'],
  ])('a pushed repository wins over a mirrored one, requested as %j', async ({ name, ...address }, repository) => {
    const upstreams = createUpstreams(
      ['docker.io', 'ghcr.io'].map((name) => ({
        name,
        url: new URL(`https://${name}`),
        searchUrl: undefined,
        logins: [],
        bytesPerSecond: undefined,
        connections: 64,
        ca: undefined,
        redirects: [],
      })),
    );
    const locate = createRouting({ upstreams, fallback: undefined, isPushed: (name) => Promise.resolve(name === repository) });
    const found = await locate({
      ...address,
      name: name as RepositoryName,
      ownHost: () => 'here',
      mayKnow: () => Promise.resolve(true),
    });
    expect(found).toMatchObject({ repository, isPushed: true });
  });

  test('a pushed repository causes no request to the upstream', async () => {
    hub.addImage('team/app', '1');
    const { digest } = await pushImage(berth, 'team/app', '1');
    const before = hub.requests.length;
    expect((await get('/v2/team/app/manifests/1')).header('docker-content-digest')).toBe(digest);
    expect((await get('/v2/team/app/manifests/other')).status).toBe(404);
    expect(hub.requests.length).toBe(before);
  });

  test.each([
    ['POST', '/v2/ghcr.io/owner/image/blobs/uploads/'],
    ['POST', '/ghcr.io/v2/owner/image/blobs/uploads/'],
    ['PUT', '/v2/docker.io/alpine/manifests/1'],
  ])('%s %s is 403 DENIED', async (method, path) => {
    const answer = await call(berth, method, path, { body: '{}' });
    expect([answer.status, answer.codes()]).toEqual([403, ['DENIED']]);
  });
});
