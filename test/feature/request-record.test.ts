import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { adminPassword, basic } from '../support/access.ts';
import { type TestBerth, startBerth } from '../support/berth.ts';
import { call } from '../support/call.ts';
import { digestOf } from '../support/images.ts';
import { until } from '../support/until.ts';

type Line = Readonly<Record<string, unknown>>;

let berth: TestBerth;
const lines: Line[] = [];
beforeAll(async () => {
  const log = pino({ level: 'debug' }, { write: (line) => void lines.push(JSON.parse(line) as Line) });
  berth = await startBerth({ BERTH_ACCESS_MODE: 'token', BERTH_ACCESS_ADMIN_PASSWORD: adminPassword }, log);
});
afterAll(() => berth.close());

const login = basic('admin', adminPassword);

/** The line of the latest request for the path. */
async function lineOf(path: string): Promise<Line> {
  const find = () => lines.findLast(({ url }) => url === path);
  await until(() => find() !== undefined);
  return find() ?? {};
}

test.each([false, true])(
  'bytesReceived is the length of the body (chunked: %s), in the log and in the metrics',
  async (chunked) => {
    const total = async () =>
      Number(/^berth_http_received_bytes_total (\d+)$/m.exec((await call(berth, 'GET', '/metrics')).body.toString())?.[1]);
    const before = await total();
    const body = randomBytes(300_000);
    const path = `/v2/app/blobs/uploads/?digest=${digestOf(body)}`;
    expect((await call(berth, 'POST', path, { body, chunked, headers: login })).status).toBe(201);
    expect((await lineOf(path))['bytesReceived']).toBe(300_000);
    expect((await total()) - before).toBe(300_000);
  },
);

test('a line names the account and the user agent, and milliseconds with three decimals at most', async () => {
  await call(berth, 'GET', '/v2/app/tags/list', { headers: { ...login, 'User-Agent': 'docker/28.5' } });
  const line = await lineOf('/v2/app/tags/list');
  expect(line).toMatchObject({ account: 'admin', userAgent: 'docker/28.5' });
  expect(String(line['milliseconds'])).toMatch(/^\d+(?:\.\d{1,3})?$/);
});

test.each(['/token?service=berth', '/api/v1/users'])('the line of %s names the account too', async (path) => {
  await call(berth, 'GET', path, { headers: login });
  expect((await lineOf(path))['account']).toBe('admin');
});

test('a client without a login has no account, and a long user agent is cut', async () => {
  await call(berth, 'GET', '/v2/none/tags/list', { headers: { 'User-Agent': 'x'.repeat(5000) } });
  const line = await lineOf('/v2/none/tags/list');
  expect([line['account'], line['userAgent']]).toEqual([undefined, 'x'.repeat(200)]);
});

test('successful health probes are logged at level debug', async () => {
  for (const path of ['/healthz', '/readyz']) {
    await call(berth, 'GET', path);
    expect((await lineOf(path))['level']).toBe(20);
  }
});

test.each(['/healthz', '/healthz/', '/readyz', '/readyz/?full=1'])('a probe may ask for %s, also with HEAD', async (path) => {
  const answer = await call(berth, 'GET', path);
  expect([answer.status, answer.header('content-type')]).toEqual([200, 'application/json; charset=utf-8']);
  const head = await call(berth, 'HEAD', path);
  expect([head.status, head.body.length]).toEqual([200, 0]);
  expect((await call(berth, 'POST', path)).status).toBe(404);
});
