import { randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { BerthProcess } from '../support/berth-process.ts';
import { call } from '../support/call.ts';
import { type TestImage, digestOf, newImage, pushBlob, pushBlobs, pushImage, putManifest } from '../support/images.ts';
import { killPoints } from '../support/kill-points.ts';
import { type KilledBerth, startKilledBerth } from '../support/killed-berth.ts';
import { until } from '../support/until.ts';

let killed: KilledBerth;
let berth: BerthProcess;
beforeAll(async () => {
  killed = await startKilledBerth();
  berth = killed.berth;
});
afterAll(() => killed.dispose());

async function expectPullable(repository: string, image: TestImage): Promise<void> {
  for (const blob of [image.layer, Buffer.from(image.config)]) {
    expect((await call(berth, 'GET', `/v2/${repository}/blobs/${digestOf(blob)}`)).body.equals(blob)).toBe(true);
  }
}

async function expectNoLitter(): Promise<void> {
  // It is removed while berth serves already.
  for (const folder of ['growing', 'temporary'])
    await until(async () => (await readdir(join(berth.directory, '.berth', folder))).length === 0);
}

describe.each(killPoints)('SIGKILL %s', (point) => {
  test('in a push of a blob leaves all of it or nothing, and the push can be repeated', async () => {
    const blob = randomBytes(300_000);
    await killed.killedAt(point, () => pushBlob(berth, 'app', blob));
    await expectNoLitter();
    const answer = await call(berth, 'GET', `/v2/app/blobs/${digestOf(blob)}`);
    expect([200, 404]).toContain(answer.status);
    if (answer.status === 200) expect(answer.body.equals(blob)).toBe(true);
    await pushBlob(berth, 'app', blob);
    expect((await call(berth, 'GET', `/v2/app/blobs/${digestOf(blob)}`)).body.equals(blob)).toBe(true);
  });

  test('in a push of a manifest leaves its tag at the old or the new image, and both can be pulled', async () => {
    const before = await pushImage(berth, 'app', 'moving');
    const after = newImage();
    await pushBlobs(berth, 'app', after);
    await killed.killedAt(point, () => putManifest(berth, 'app', 'moving', after.manifest));
    await expectNoLitter();
    const tag = await call(berth, 'GET', '/v2/app/manifests/moving');
    expect([before.manifest, after.manifest]).toContain(tag.body.toString());
    await expectPullable('app', before);
    await expectPullable('app', after);
    expect((await putManifest(berth, 'app', 'moving', after.manifest)).status).toBe(201);
  });
});
