import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type TestBerth, startBerth } from '../support/berth.ts';
import { call } from '../support/call.ts';
import { type FakeUpstream, startFakeUpstream } from '../support/fake-upstream.ts';
import { pushImage } from '../support/images.ts';
import { startMirror } from '../support/mirror.ts';

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

test('MUST 32: /v1/_ping', async () => {
  const answer = await call(berth, 'GET', '/v1/_ping');
  expect([answer.status, answer.headers['x-docker-registry-standalone']]).toEqual([200, 'true']);
});

test('MUST 32: own before mirrored, exact before prefix before the rest', async () => {
  expect(await names('?q=web&n=25')).toEqual(['team/web', 'docker.io/library/web', 'team/web_frontend', 'old/cobweb']);
  expect(await names('?q=WEB&n=2')).toEqual(['team/web', 'docker.io/library/web']);
  expect(await names('?q=team%2Fweb')).toEqual(['team/web', 'team/web_frontend']);
});

test('MUST 32: descriptions are what the image says', async () => {
  expect((await search('?q=team/web')).results[0]).toEqual({
    name: 'team/web',
    description: 'serves pages',
    star_count: 0,
    is_official: false,
    is_automated: false,
  });
  expect((await search('?q=library/web')).results[0]).toMatchObject({ is_official: true, description: '' });
});

test.each(['?q=%25', '?q=b_eb', '?q=%5C', "?q='", '?q=nothing'])('MUST 32: %s finds nothing', async (query) => {
  expect(await names(query)).toEqual([]);
});

test('MUST 32: with logins: a bad one is nobody, and nobody sees only what is public', async () => {
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
  await closed.close();
});
