import { afterAll, beforeAll, test } from '@jest/globals';
import { type BerthProcess, startBerthProcess } from '../support/berth-process.ts';
import { isLong } from '../support/long.ts';
import { expectPullable, withPushingClients } from '../support/pushing-clients.ts';
import { until } from '../support/until.ts';

/** Acknowledged pushes before each kill, and after the last one. The S3 server of the tests is slow. */
const pushes = isLong ? 150 : process.env['TEST_BLOBS'] === 's3' ? 10 : 40;
const clients = 32;
const kills = 5;

let berth: BerthProcess;
beforeAll(async () => {
  berth = await startBerthProcess({ BERTH_LOG_LEVEL: 'info' });
});
afterAll(() => berth.dispose());

test(`${clients} clients lose nothing acknowledged when the server is killed ${kills} times`, async () => {
  const acknowledged = await withPushingClients(berth, clients, async (pushed) => {
    for (let kill = 0; kill < kills; kill++) {
      await pushed(pushes);
      await berth.kill('SIGKILL');
      await berth.start();
    }
    await pushed(pushes);
  });
  for (const [name, image] of acknowledged) await expectPullable(berth, name, image);

  await berth.kill('SIGKILL');
  await berth.start();
  await until(async () => (await berth.litter('temporary')).length === 0);
  for (const [name, image] of [...acknowledged].slice(-50)) await expectPullable(berth, name, image);
}, 240_000);
