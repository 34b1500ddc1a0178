import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type BerthProcess, startBerthProcess } from '../support/berth-process.ts';
import { call } from '../support/call.ts';
import { digestOf } from '../support/images.ts';
import { postgresSettings } from '../support/metadata.ts';
import { type Cluster, createCluster, postgresPrograms } from '../support/postgres.ts';
import { isLong } from '../support/long.ts';
import { expectPullable, withPushingClients } from '../support/pushing-clients.ts';
import { describeWith } from '../support/requires.ts';

/** Acknowledged pushes before each restart, and after the last one. */
const pushes = isLong ? 120 : 40;
const clients = 32;

describeWith(postgresPrograms, 'PostgreSQL restarted', () => {
  let cluster: Cluster;
  let berth: BerthProcess;
  beforeAll(async () => {
    cluster = await createCluster();
    berth = await startBerthProcess(postgresSettings(cluster.url));
  }, 60_000);
  afterAll(async () => {
    await berth.dispose();
    await cluster.dispose();
  }, 60_000);

  test('under load loses nothing acknowledged, and refused clients get 503', async () => {
    const acknowledged = await withPushingClients(berth, clients, async (pushed) => {
      for (const mode of ['fast', 'immediate', 'fast', 'immediate'] as const) {
        await pushed(pushes);
        await cluster.stop(mode);
        await cluster.start();
      }
      await pushed(pushes);
    });
    for (const [name, image] of acknowledged) await expectPullable(berth, name, image);
    const statuses = new Set([...berth.log().matchAll(/"status":(5\d\d)/g)].map((match) => match[1]));
    statuses.delete('503');
    expect([...statuses]).toEqual([]);
  }, 400_000);

  test('makes every answer 503 with Retry-After while it is down, and berth recovers by itself', async () => {
    await cluster.stop('fast');
    for (const path of ['/v2/nobody/tags/list', '/v2/client1/manifests/c1-1', `/v2/shared/blobs/${digestOf('')}`]) {
      const answer = await call(berth, 'GET', path);
      expect([answer.status, answer.header('retry-after')]).toEqual([503, '5']);
    }
    expect((await call(berth, 'POST', '/v2/app/blobs/uploads/', { headers: { 'Content-Length': 0 } })).status).toBe(503);
    expect((await call(berth, 'GET', '/readyz')).status).toBe(503);
    await cluster.start();
    expect((await call(berth, 'GET', '/readyz')).status).toBe(200);
    expect((await call(berth, 'GET', '/v2/nobody/tags/list')).status).toBe(404);
  });
});
