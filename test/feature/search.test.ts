import { type Server, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type TestBerth, startBerth } from '../support/berth.ts';
import { call } from '../support/call.ts';
import { type FakeUpstream, startFakeUpstream } from '../support/fake-upstream.ts';
import { pushImage } from '../support/images.ts';
import { startMirror } from '../support/mirror.ts';
import { gate, until } from '../support/until.ts';

let upstream: FakeUpstream;
let berth: TestBerth;
beforeAll(async () => {
  upstream = await startFakeUpstream();
  berth = await startMirror({ upstreams: { 'docker.io': { url: upstream.url } } });
  const annotations = { 'org.opencontainers.image.description': 'serves\n pages' };
  await pushImage(berth, 'team/web', 'latest', { annotations });
  await pushImage(berth, 'team/web', 'zzz');
  await pushImage(berth, 'team/web_frontend', '1', { annotations });
  await pushImage(berth, 'old/cobweb', '1');
  upstream.addImage('library/web', '1');
  await call(berth, 'GET', '/v2/docker.io/web/manifests/1');
});
afterAll(async () => {
  await berth.close();
  await upstream.close();
});

interface Results {
  readonly num_results: number;
  readonly results: readonly Readonly<Record<string, unknown>>[];
}

async function search(query: string, server: TestBerth = berth, headers = {}): Promise<Results> {
  const answer = await call(server, 'GET', `/v1/search${query}`, { headers });
  expect(answer.status).toBe(200);
  return answer.json() as Results;
}
const names = async (query: string, server?: TestBerth, headers = {}) =>
  (await search(query, server, headers)).results.map(({ name }) => name);

test('/v1/_ping answers', async () => {
  const answer = await call(berth, 'GET', '/v1/_ping');
  expect([answer.status, answer.headers['x-docker-registry-standalone']]).toEqual([200, 'true']);
});

test('own repositories come before mirrored ones, and exact names before prefixes before other matches', async () => {
  expect(await names('?q=web&n=25')).toEqual(['team/web', 'docker.io/library/web', 'team/web_frontend', 'old/cobweb']);
  expect(await names('?q=WEB&n=2')).toEqual(['team/web', 'docker.io/library/web']);
  expect(await names('?q=team%2Fweb')).toEqual(['team/web', 'team/web_frontend']);
});

test('descriptions come from the annotations of the image, soon after its push', async () => {
  await until(async () => (await search('?q=team/web')).results[0]?.['description'] !== '');
  expect((await search('?q=team/web')).results[0]).toEqual({
    name: 'team/web',
    description: 'serves pages',
    star_count: 0,
    is_official: false,
    is_automated: false,
  });
  expect((await search('?q=library/web')).results[0]).toMatchObject({ is_official: true, description: '' });
});

test.each(['?q=%25', '?q=b_eb', '?q=%5C', "?q='", '?q=nothing'])('%s finds nothing', async (query) => {
  expect(await names(query)).toEqual([]);
});

test('a search without a valid login shows public repositories only', async () => {
  const closed = await startBerth({ BERTH_ACCESS_MODE: 'token', BERTH_ACCESS_ADMIN_PASSWORD: 'admin-password' });
  const admin = { Authorization: `Basic ${Buffer.from('admin:admin-password').toString('base64')}` };
  const upload = await call(closed, 'POST', '/v2/team/web/blobs/uploads/', { headers: { ...admin, 'Content-Length': 0 } });
  expect(upload.status).toBe(202);
  const stored = await call(
    closed,
    'PUT',
    `${upload.header('location')}?digest=sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855`,
    {
      headers: { ...admin, 'Content-Length': 0 },
    },
  );
  expect(stored.status).toBe(201);
  expect(await names('?q=web', closed, admin)).toEqual(['team/web']);
  for (const authorization of [undefined, 'Basic YWRtaW46', 'Basic eDp5', 'Bearer nonsense']) {
    expect(await names('?q=web', closed, authorization === undefined ? {} : { Authorization: authorization })).toEqual([]);
  }
  // Podman, which then searches `_catalog` with its login; docker would take that for the end.
  const podman = { 'Docker-Distribution-API-Version': 'registry/2.0' };
  const challenged = await call(closed, 'GET', '/v1/search?q=web', { headers: podman });
  expect([challenged.status, challenged.header('www-authenticate')]).toEqual([
    401,
    expect.stringMatching(/^Bearer realm=.*scope="registry:catalog:\*"/),
  ]);
  expect(await names('?q=web', closed, { 'X-Docker-Token': 'true' })).toEqual([]);
  expect(await names('?q=web', closed, { ...podman, ...admin })).toEqual(['team/web']);
  expect(await names('?q=none', berth, podman)).toEqual([]);
  await closed.close();
});

describe('search at an upstream', () => {
  let hub: Server;
  let asked: string[];
  let answer: (response: ServerResponse) => void;
  let asking: TestBerth;
  const found = (...results: readonly unknown[]) => JSON.stringify({ query: 'web', num_results: results.length, results });

  beforeEach(async () => {
    asked = [];
    hub = createServer((request, response) => {
      asked.push(request.url ?? '');
      answer(response);
    });
    await new Promise<void>((resolve) => hub.listen(0, '127.0.0.1', resolve));
  });
  afterEach(async () => {
    await asking.close();
    hub.closeAllConnections();
    hub.close();
  });

  async function ask(settings: Readonly<Record<string, string>> = {}): Promise<void> {
    const search = `http://127.0.0.1:${(hub.address() as AddressInfo).port}`;
    asking = await startMirror({ upstreams: { 'docker.io': { url: upstream.url, search } } }, settings);
  }

  test('lists results of the upstream once, after stored repositories and by the name to pull, and asks the upstream once', async () => {
    await ask();
    await pushImage(asking, 'team/web', '1');
    await call(asking, 'GET', '/v2/docker.io/web/manifests/1');
    const official = { name: 'web', description: 'pages', star_count: 7, is_official: true };
    answer = (response) => response.end(found(official, { name: 'acme/web' }, { name: 'NOT A NAME' }, { name: 7 }, null));
    const [all, two] = [await search('?q=Web', asking), await search('?q=web&n=2', asking)];
    expect(all.results.map(({ name }) => name)).toEqual(['team/web', 'docker.io/library/web', 'docker.io/acme/web']);
    expect(two.results).toHaveLength(2);
    answer = (response) => response.end(found(official));
    expect((await search('?q=pages', asking)).results).toEqual([
      { name: 'docker.io/library/web', description: 'pages', star_count: 7, is_official: true, is_automated: false },
    ]);
    expect(asked).toEqual(['/v1/search?q=web&n=100', '/v1/search?q=pages&n=100']);
  });

  test.each([
    ['fails', (response: ServerResponse) => response.writeHead(500).end()],
    ['limits', (response: ServerResponse) => response.writeHead(429).end()],
    ['answers nonsense', (response: ServerResponse) => response.end('nonsense')],
    ['answers null', (response: ServerResponse) => response.end('null')],
    ['hangs up', (response: ServerResponse) => response.destroy()],
  ])('omits an upstream that %s', async (_what, misdeed) => {
    await ask();
    await pushImage(asking, 'team/web', '1');
    answer = misdeed;
    expect(await names('?q=web', asking)).toEqual(['team/web']);
  });

  test('does not wait for a slow upstream, and uses its answer for the next search', async () => {
    await ask();
    await pushImage(asking, 'team/web', '1');
    const late = gate();
    answer = (response) => void late.opened.then(() => response.end(found({ name: 'acme/web' })));
    expect(await names('?q=web', asking)).toEqual(['team/web']);
    late.open();
    await until(async () => (await names('?q=web', asking)).includes('docker.io/acme/web'));
    expect(asked).toHaveLength(1);
  });

  test('shows a client only repositories that it may pull', async () => {
    await ask({ BERTH_ACCESS_MODE: 'token', BERTH_ACCESS_ADMIN_PASSWORD: 'admin-password' });
    answer = (response) => response.end(found({ name: 'acme/web' }));
    const admin = { Authorization: `Basic ${Buffer.from('admin:admin-password').toString('base64')}` };
    expect([await names('?q=web', asking), await names('?q=web', asking, admin)]).toEqual([[], ['docker.io/acme/web']]);
  });
});
