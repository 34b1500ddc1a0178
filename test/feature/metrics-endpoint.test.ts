import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { watchedBlobs } from '../../src/assembly/observability/watched-stores.ts';
import { type BlobDriver, StorageError } from '../../storage/blobs/driver.ts';
import { admin, adminPassword, basic } from '../support/access.ts';
import { type TestBerth, startBerth } from '../support/berth.ts';
import { call } from '../support/call.ts';
import { freePort } from '../support/free-port.ts';
import { digestOf } from '../support/images.ts';
import { until } from '../support/until.ts';

test('/metrics with its own address is not served on the port of the registry', async () => {
  const port = await freePort();
  const berth = await startBerth({ BERTH_METRICS_LISTEN: `127.0.0.1:${port}` });
  const own = { url: `http://127.0.0.1:${port}` };
  const answer = await call(own, 'GET', '/metrics');
  expect([answer.status, answer.body.toString()]).toEqual([200, expect.stringContaining('berth_http_requests_total')]);
  expect((await call(berth, 'GET', '/metrics')).status).toBe(404);
  expect((await call(own, 'GET', '/v2/')).status).toBe(404);
  await berth.close();
  await expect(call(own, 'GET', '/metrics')).rejects.toThrow('ECONNREFUSED');
});

test('/metrics with a token requires that token', async () => {
  const berth = await startBerth({ BERTH_METRICS_TOKEN: 'scrape me' });
  const scrape = (headers = {}) => call(berth, 'GET', '/metrics', { headers });
  const refused = await scrape();
  expect([refused.status, refused.header('www-authenticate')]).toEqual([401, 'Bearer realm="berth metrics"']);
  expect((await scrape({ Authorization: 'Bearer scrape' })).status).toBe(401);
  expect((await scrape({ Authorization: 'Bearer scrape me' })).status).toBe(200);
  await berth.close();
});

describe('of a server with logins', () => {
  let berth: TestBerth;
  const scrape = async () => (await call(berth, 'GET', '/metrics')).body.toString();
  const sent = (method: string, path: string, headers: Readonly<Record<string, string>> = admin, body?: string) =>
    call(berth, method, path, { headers, ...(body === undefined ? {} : { body }) });

  beforeAll(async () => {
    berth = await startBerth({ BERTH_ACCESS_MODE: 'token', BERTH_ACCESS_ADMIN_PASSWORD: adminPassword });
  });
  afterAll(() => berth.close());

  /** The labels of the metric and its values. */
  async function seriesOf(name: string): Promise<Readonly<Record<string, number>>> {
    const lines = [...(await scrape()).matchAll(new RegExp(`^${name}\\{([^}]*)\\} (\\S+)$`, 'gm'))];
    return Object.fromEntries(lines.map(([, labels = '', value]) => [labels.replaceAll('"', ''), Number(value)]));
  }

  test('requests are counted by the patterns of their paths, never by the paths', async () => {
    for (const name of ['one', 'two/three', 'mirror.example/four']) await sent('GET', `/v2/${name}/tags/list`);
    await sent('GET', '/api/v1/repositories?n=1');
    await sent('GET', '/api/v1/users/nobody');
    await sent('GET', '/ui/repositories/team/app');
    await sent('GET', '/healthz');
    for (const path of ['/random/1', '/random/2', '/v2/x']) await sent('GET', path);
    const expected = {
      'method=GET,route=/v2/<name>/tags/list,status=404': 3,
      'method=GET,route=/api/v1/users/<name>,status=404': 1,
      'method=GET,route=/healthz,status=200': 1,
      'method=GET,route=none,status=404': 3,
    };
    await until(async () => (await seriesOf('berth_http_requests_total'))['method=GET,route=none,status=404'] === 3);
    const counted = await seriesOf('berth_http_requests_total');
    expect(counted).toMatchObject(expected);
    const routes = Object.keys(counted).map((labels) => /route=([^,]*)/.exec(labels)?.[1] ?? '');
    expect(routes.filter((route) => /three|nobody|team|random|n=1/.test(route))).toEqual([]);
    expect(routes).toContain('/ui/repositories/<name>');
  });

  test('calls of the stores are counted by operation and outcome', async () => {
    const digest = digestOf('layer');
    await sent('POST', `/v2/app/blobs/uploads/?digest=${digest}`, admin, 'layer');
    await sent('GET', `/v2/app/blobs/${digest}`);
    const blobs = (operation: string) => `store=blobs,operation=${operation},outcome=ok`;
    const count = async () => seriesOf('berth_store_call_seconds_count');
    expect(await count()).toMatchObject({
      [blobs('append')]: 1,
      [blobs('publish')]: 1,
      [blobs('read')]: expect.any(Number),
      'store=metadata,operation=read,outcome=ok': expect.any(Number),
      'store=metadata,operation=write,outcome=ok': expect.any(Number),
    });
  });

  test('the outcome of a failed call of a store is the code of its error', async () => {
    const outcomes: string[] = [];
    const failing = (error: Error) =>
      watchedBlobs({ check: () => Promise.reject(error) } as BlobDriver, {
        metrics: { called: (...[store, operation, outcome]) => void outcomes.push(`${store} ${operation} ${outcome}`) },
        tracer: undefined,
      });
    const [full, defect] = [new StorageError('no_space', 'the disk is full'), new TypeError('a defect')];
    await expect(failing(full).check()).rejects.toBe(full);
    await expect(failing(defect).check()).rejects.toBe(defect);
    expect(outcomes).toEqual(['blobs check no_space', 'blobs check error']);
  });

  test('refused logins are counted by what the client sent and why it was refused', async () => {
    const before = await seriesOf('berth_login_failures_total');
    expect(before).toEqual({});
    await sent('GET', '/v2/', basic('admin', 'wrong'));
    await sent('GET', '/v2/', basic('admin', `berth_pat_${'x'.repeat(43)}`));
    await sent('GET', '/v2/', { Authorization: 'Bearer made-up' });
    expect(await seriesOf('berth_login_failures_total')).toEqual({
      'kind=password,reason=credentials': 1,
      'kind=personal,reason=credentials': 1,
      'kind=bearer,reason=credentials': 1,
    });
  });
});
