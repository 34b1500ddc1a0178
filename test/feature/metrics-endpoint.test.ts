import { expect, test } from '@jest/globals';
import { startBerth } from '../support/berth.ts';
import { call } from '../support/call.ts';
import { freePort } from '../support/free-port.ts';

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
