import { randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type BerthProcess, startBerthProcess } from '../support/berth-process.ts';
import { call } from '../support/call.ts';
import { type FakeUpstream, startFakeUpstream } from '../support/fake-upstream.ts';
import { mirrorConfig } from '../support/mirror.ts';
import { gate, until } from '../support/until.ts';

const fills = 50;
const blobBytes = 400_000;

let upstream: FakeUpstream;
let berth: BerthProcess;
let removeConfig: () => Promise<void>;

beforeAll(async () => {
  upstream = await startFakeUpstream({ auth: 'bearer', redirectBlobs: true });
  const { file, remove } = await mirrorConfig({ upstreams: { 'ghcr.io': { url: upstream.url } } });
  removeConfig = remove;
  berth = await startBerthProcess({ BERTH_CONFIG: file });
}, 60_000);
afterAll(async () => {
  await Promise.all([berth.dispose(), upstream.close(), removeConfig()]);
}, 60_000);

const partials = () => readdir(join(berth.directory, '.berth/fills/ghcr.io'));

test(`SIGKILL during ${fills} fills leaves nothing partial that is served as whole, every fill is resumed, and no file is left`, async () => {
  const blobs = Array.from({ length: fills }, () => randomBytes(blobBytes));
  const digests = blobs.map((bytes) => upstream.addBlob('o/i', bytes));
  const never = gate();
  upstream.misbehave('GET', /^cdn/, { stallAfter: blobBytes / 2, until: never.opened }, fills);
  const get = (digest: string) => call(berth, 'GET', `/v2/ghcr.io/o/i/blobs/${digest}`);
  const broken = digests.map((digest) =>
    get(digest).then(
      () => 'whole',
      () => 'broken',
    ),
  );
  await until(() => upstream.blobBytes >= (fills * blobBytes) / 2);
  await berth.kill('SIGKILL');
  expect(new Set(await Promise.all(broken))).toEqual(new Set(['broken']));
  const left = (await partials()).filter((name) => !name.includes('.'));
  expect(left.length).toBeGreaterThan(0);
  never.open();

  await berth.start();
  const before = upstream.blobBytes;
  const answers = await Promise.all(digests.map(get));
  expect(answers.map(({ status, body }, index) => status === 200 && body.equals(blobs[index] ?? Buffer.alloc(0)))).toEqual(
    Array.from({ length: fills }, () => true),
  );
  expect(upstream.blobBytes - before).toBeLessThan(fills * blobBytes);
  await until(async () => (await partials()).length === 0);
  const asked = upstream.requests.length;
  expect((await Promise.all(digests.map(get))).every(({ headers }) => headers['x-mirror-cache'] === 'HIT')).toBe(true);
  expect(upstream.requests.length).toBe(asked);
}, 120_000);
