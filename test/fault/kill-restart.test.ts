import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, test } from '@jest/globals';
import { type BerthProcess, startBerthProcess } from '../support/berth-process.ts';
import { expectPullable, pushAndPull } from '../support/pushing-clients.ts';
import { until } from '../support/until.ts';

/** The whole minute in CI, over the embedded stores; enough to find a mistake elsewhere. */
const seconds = process.env['CI'] === 'true' && process.env['TEST_METADATA'] === undefined ? 60 : 15;
const clients = 32;
const kills = 5;

let berth: BerthProcess;
beforeAll(async () => {
  berth = await startBerthProcess({ BERTH_LOG_LEVEL: 'info' });
});
afterAll(() => berth.dispose());

test(`${clients} clients, ${kills} times SIGKILL: everything acknowledged is there afterwards`, async () => {
  const working = pushAndPull(berth, { clients, seconds });
  for (let kill = 0; kill < kills; kill++) {
    await sleep((seconds * 1000) / (kills + 1));
    await berth.kill('SIGKILL');
    await berth.start();
  }
  const acknowledged = await working;
  for (const [name, image] of acknowledged) await expectPullable(berth, name, image);

  await berth.kill('SIGKILL');
  await berth.start();
  await until(async () => (await berth.litter('temporary')).length === 0);
  for (const [name, image] of [...acknowledged].slice(-50)) await expectPullable(berth, name, image);
}, 240_000);
