import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mediaTypes } from '../../src/oci/media-types.ts';
import { type TestBerth, startBerth } from '../support/berth.ts';
import { call } from '../support/call.ts';
import { type DockerRegistry, startDockerRegistry } from '../support/docker-registry.ts';
import { digestOf, newImage, newIndex, pushBlobs, pushImage, putManifest } from '../support/images.ts';
import { describeWith } from '../support/requires.ts';
import { until } from '../support/until.ts';

describeWith(['docker-registry'], "Debian's docker-registry, started on the folder of berth", () => {
  let berth: TestBerth;
  let other: DockerRegistry;

  beforeAll(async () => {
    // A folder of the filesystem driver, whatever the stores of this test run are.
    berth = await startBerth({ BERTH_STORAGE_BLOBS_DRIVER: 'filesystem' });
    other = await startDockerRegistry(berth.directory);
  });
  afterAll(async () => {
    await other.close();
    await berth.close();
  });

  const served = async (reference: string) => {
    const headers = { Accept: `${mediaTypes.ociManifest}, ${mediaTypes.ociIndex}` };
    const answer = await call(other, 'GET', `/v2/team/app/manifests/${reference}`, { headers });
    return answer.status === 200 ? answer.body.toString() : answer.status;
  };
  const tags = async () => ((await call(other, 'GET', '/v2/team/app/tags/list')).json() as { tags: string[] | null }).tags;

  test('serves what was pushed, with its layers and platforms', async () => {
    const [amd64, arm64] = [newImage(), newImage()];
    for (const image of [amd64, arm64]) {
      await pushBlobs(berth, 'team/app', image);
      expect((await putManifest(berth, 'team/app', digestOf(image.manifest), image.manifest)).status).toBe(201);
    }
    const index = newIndex([amd64, arm64]);
    expect((await putManifest(berth, 'team/app', 'multi', index, mediaTypes.ociIndex)).status).toBe(201);
    await until(async () => (await served('multi')) === index);
    for (const image of [amd64, arm64]) {
      expect(await served(digestOf(image.manifest))).toBe(image.manifest);
      for (const bytes of [image.layer, Buffer.from(image.config)]) {
        const blob = await call(other, 'GET', `/v2/team/app/blobs/${digestOf(bytes)}`);
        expect([blob.status, blob.body.equals(bytes)]).toEqual([200, true]);
      }
    }
    expect((await call(other, 'GET', '/v2/_catalog')).json()).toEqual({ repositories: ['team/app'] });
  });

  test('serves a moved tag, and neither a deleted tag nor a deleted manifest', async () => {
    const first = await pushImage(berth, 'team/app', 'moved');
    await pushImage(berth, 'team/app', 'gone');
    const second = await pushImage(berth, 'team/app', 'moved');
    await until(async () => (await served('moved')) === second.manifest);
    await until(async () => (await served(digestOf(first.manifest))) === first.manifest);
    await until(async () => (await tags())?.sort().join() === 'gone,moved,multi');
    expect((await call(berth, 'DELETE', '/v2/team/app/manifests/gone')).status).toBe(202);
    expect((await call(berth, 'DELETE', `/v2/team/app/manifests/${digestOf(first.manifest)}`)).status).toBe(202);
    await until(async () => (await served(digestOf(first.manifest))) === 404);
    expect(await served('gone')).toBe(404);
    expect((await tags())?.sort()).toEqual(['moved', 'multi']);
  });

  test('is no other registry to berth, which starts again on its folder', async () => {
    berth = await berth.restart();
    expect((await call(berth, 'GET', '/v2/team/app/tags/list')).status).toBe(200);
    const image = await pushImage(berth, 'team/app', 'later');
    await until(async () => (await served('later')) === image.manifest);
  });
});
