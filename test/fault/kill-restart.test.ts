import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type BerthProcess, startBerthProcess } from '../support/berth-process.ts';
import { call } from '../support/call.ts';
import { type TestImage, digestOf, newImage, pushBlob, pushImage, putManifest, startUpload } from '../support/images.ts';

/** The whole minute in CI; enough to find a mistake elsewhere. */
const seconds = process.env['CI'] === 'true' ? 60 : 15;
const clients = 32;
const kills = 5;

let berth: BerthProcess;
beforeAll(async () => {
  berth = await startBerthProcess({ BERTH_LOG_LEVEL: 'info' });
});
afterAll(() => berth.dispose());

/** Image by `repository:tag`, for every push that was answered with 201. */
type Acknowledged = Map<string, TestImage>;

/** Pushes own and shared images by turns, in one and in several requests, and pulls what was acknowledged. */
async function client(index: number, acknowledged: Acknowledged, shared: TestImage, until: number): Promise<void> {
  for (let round = 0; performance.now() < until; round++) {
    const repository = `client${index % 8}`;
    const tag = `c${index}-${round}`;
    try {
      const image = round % 3 === 0 ? shared : newImage();
      if (round % 2 === 0) await pushBlob(berth, repository, image.layer);
      else await pushInChunks(repository, image.layer);
      await pushBlob(berth, repository, image.config);
      if ((await putManifest(berth, repository, tag, image.manifest)).status === 201)
        acknowledged.set(`${repository}:${tag}`, image);
      const [known] = [...acknowledged].slice(-1);
      if (known) await expectPullable(...known);
    } catch (error) {
      if (error instanceof WrongBytes) throw error;
      await sleep(20); // the server is away for a moment
    }
  }
}

async function pushInChunks(repository: string, bytes: Buffer): Promise<void> {
  const location = await startUpload(berth, repository);
  const half = bytes.length / 2;
  await call(berth, 'PATCH', location, { body: bytes.subarray(0, half), headers: { 'Content-Range': `0-${half - 1}` } });
  await call(berth, 'PATCH', location, {
    body: bytes.subarray(half),
    headers: { 'Content-Range': `${half}-${bytes.length - 1}` },
  });
  const answer = await call(berth, 'PUT', `${location}?digest=${digestOf(bytes)}`, { body: '' });
  if (answer.status !== 201) throw new Error(`upload: ${answer.status}`);
}

class WrongBytes extends Error {}

async function expectPullable(name: string, image: TestImage): Promise<void> {
  const [repository = '', tag = ''] = name.split(':');
  const manifest = await call(berth, 'GET', `/v2/${repository}/manifests/${tag}`);
  const layer = await call(berth, 'GET', `/v2/${repository}/blobs/${digestOf(image.layer)}`);
  const config = await call(berth, 'GET', `/v2/${repository}/blobs/${digestOf(image.config)}`);
  const right =
    manifest.body.toString() === image.manifest && layer.body.equals(image.layer) && config.body.toString() === image.config;
  if (!right) throw new WrongBytes(`${name}: ${manifest.status} ${layer.status} ${config.status}`);
}

test(`${clients} clients, ${kills} times SIGKILL: everything acknowledged is there afterwards`, async () => {
  const acknowledged: Acknowledged = new Map();
  const shared = await pushImage(berth, 'shared', 'first');
  const until = performance.now() + seconds * 1000;
  const working = Promise.all(Array.from({ length: clients }, (_, index) => client(index, acknowledged, shared, until)));
  for (let kill = 0; kill < kills; kill++) {
    await sleep((seconds * 1000) / (kills + 1));
    await berth.kill('SIGKILL');
    await berth.start();
  }
  await working;
  expect(acknowledged.size).toBeGreaterThan(clients);
  for (const [name, image] of acknowledged) await expectPullable(name, image);

  await berth.kill('SIGKILL');
  await berth.start();
  expect(await readdir(join(berth.directory, '.berth/temporary'))).toEqual([]);
  for (const [name, image] of [...acknowledged].slice(-50)) await expectPullable(name, image);
}, 240_000);
