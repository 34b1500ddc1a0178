import { randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { FillSpaceExceeded, createFillSpace } from '../../../src/mirror/fills/fill-space.ts';
import type { TestBerth } from '../../support/berth.ts';
import { call } from '../../support/call.ts';
import { type FakeUpstream, startFakeUpstream } from '../../support/fake-upstream.ts';
import { startMirror } from '../../support/mirror.ts';
import { gate, until } from '../../support/until.ts';

let upstream: FakeUpstream;
let berth: TestBerth;
beforeAll(async () => {
  upstream = await startFakeUpstream();
  berth = await startMirror({ upstreams: { 'ghcr.io': { url: upstream.url } }, downloadSpace: '1MiB' });
});
afterAll(async () => {
  await berth.close();
  await upstream.close();
});

const get = (digest: string) => call(berth, 'GET', `/v2/ghcr.io/o/i/blobs/${digest}`);

test('a blob that finds no space beside other downloads reaches its clients, and is kept when there is space again', async () => {
  const [first, second] = [randomBytes(700_000), randomBytes(700_000)];
  const [running, passed] = [upstream.addBlob('o/i', first), upstream.addBlob('o/i', second)];
  const rest = gate();
  upstream.misbehave('GET', /blobs/, { stallAfter: 100_000, until: rest.opened });
  const pulling = get(running);
  await until(() => upstream.count('GET', /blobs/) === 1);
  expect((await get(passed)).body.equals(second)).toBe(true);
  const files = () => readdir(join(berth.directory, '.berth/fills/ghcr.io'));
  await until(async () => !(await files()).some((name) => name.includes(passed.slice(7))));
  rest.open();
  expect((await pulling).body.equals(first)).toBe(true);
  await until(async () => (await get(running)).headers['x-mirror-cache'] === 'HIT');
  await until(async () => (await get(passed)).headers['x-mirror-cache'] === 'HIT');
});

test('space is reserved for whole blobs and released once', () => {
  const space = createFillSpace(10);
  const release = space.reserve(6);
  expect(() => space.reserve(5)).toThrow(FillSpaceExceeded);
  release();
  release();
  space.reserve(5);
  expect(() => space.reserve(6)).toThrow(FillSpaceExceeded);
  space.reserve(5);
});
