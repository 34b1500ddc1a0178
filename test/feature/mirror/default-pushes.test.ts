import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { TestBerth } from '../../support/berth.ts';
import { call } from '../../support/call.ts';
import { type FakeUpstream, startFakeUpstream } from '../../support/fake-upstream.ts';
import { newImage, pushImage, putManifest } from '../../support/images.ts';
import { startMirror } from '../../support/mirror.ts';

let hub: FakeUpstream;
let berth: TestBerth;

beforeAll(async () => {
  hub = await startFakeUpstream();
  berth = await startMirror({
    default: 'docker.io',
    allowPush: ['library/our-*', 'team/both'],
    upstreams: { 'docker.io': { url: hub.url } },
  });
});
afterAll(async () => {
  await berth.close();
  await hub.close();
});

const startUpload = (name: string) => call(berth, 'POST', `/v2/${name}/blobs/uploads/`, { headers: { 'Content-Length': 0 } });

async function mirror(name: string): Promise<void> {
  hub.addImage(name, '1');
  expect((await call(berth, 'GET', `/v2/docker.io/${name}/manifests/1`)).status).toBe(200);
}

test("Docker's own images take no pushes, and the answer names the setting", async () => {
  const answer = await startUpload('library/nginx');
  expect(answer.status).toBe(403);
  expect(answer.body.toString()).toContain('mirror.allowPush');
  expect((await putManifest(berth, 'library/nginx', '1', newImage().manifest)).status).toBe(403);
});

test("an archive brings no images into names of Docker's own images", async () => {
  const headers = { 'Content-Type': 'application/x-tar' };
  const answer = await call(berth, 'POST', '/api/v1/archives?repository=library/nginx', { headers, body: 'x' });
  expect(answer.status).toBe(403);
});

test('a name that is mirrored from the default upstream takes no pushes', async () => {
  await mirror('team/app');
  expect((await startUpload('team/app')).status).toBe(403);
});

test('a single name is the official image once that is mirrored', async () => {
  expect((await startUpload('busybox')).status).toBe(202);
  await mirror('library/busybox');
  expect((await startUpload('busybox')).status).toBe(403);
});

test('patterns of the configuration take pushes all the same', async () => {
  await mirror('team/both');
  expect((await startUpload('team/both')).status).toBe(202);
  expect((await startUpload('library/our-base')).status).toBe(202);
});

test('other names take pushes, also after an image of that name was mirrored', async () => {
  await pushImage(berth, 'team/own', '1');
  await mirror('team/own');
  await pushImage(berth, 'team/own', '2');
});
