import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type BerthProcess, startBerthProcess } from '../support/berth-process.ts';
import { call } from '../support/call.ts';
import { type TestImage, digestOf, newImage, pushBlob, pushBlobs, pushImage, putManifest } from '../support/images.ts';
import { type KillPoint, killPoints } from '../support/kill-points.ts';
import { until } from '../support/until.ts';

let scratch: string;
let berth: BerthProcess;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'berth-kill-'));
  const preload = resolve(import.meta.dirname, '../support/kill-points.ts');
  // The points are those of the embedded store.
  const settings = { BERTH_STORAGE_METADATA_DRIVER: 'sqlite', KILL_POINT: join(scratch, 'point') };
  berth = await startBerthProcess(settings, ['--import', preload]);
});
afterAll(async () => {
  await berth.dispose();
  await rm(scratch, { recursive: true });
});

/** Performs the request while berth dies at the point, and starts it again. */
async function killedAt(point: KillPoint, request: () => Promise<unknown>): Promise<void> {
  await writeFile(join(scratch, 'point'), point);
  const pid = berth.pid();
  await expect(request()).rejects.toThrow();
  await until(() => !isAlive(pid));
  await rm(join(scratch, 'point'));
  await berth.start();
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

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
    await killedAt(point, () => pushBlob(berth, 'app', blob));
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
    await killedAt(point, () => putManifest(berth, 'app', 'moving', after.manifest));
    await expectNoLitter();
    const tag = await call(berth, 'GET', '/v2/app/manifests/moving');
    expect([before.manifest, after.manifest]).toContain(tag.body.toString());
    await expectPullable('app', before);
    await expectPullable('app', after);
    expect((await putManifest(berth, 'app', 'moving', after.manifest)).status).toBe(201);
  });
});
