import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mediaTypes } from '../../src/oci/media-types.ts';
import { call } from '../support/call.ts';
import { type DockerRegistry, startDockerRegistry } from '../support/docker-registry.ts';
import { descriptor, digestOf, newImage, newIndex, pushBlobs, pushImage, putManifest } from '../support/images.ts';
import { describeWith } from '../support/requires.ts';
import { type SyncSite, startSite } from '../support/sync.ts';

describeWith(['docker-registry'], "copies to and from Debian's docker-registry", () => {
  let site: SyncSite;
  let home: string;
  let other: DockerRegistry;

  beforeAll(async () => {
    site = await startSite();
    home = await mkdtemp(join(tmpdir(), 'berth-sync-client-'));
    other = await startDockerRegistry(join(home, 'data'));
  });
  afterAll(async () => {
    await other.close();
    await site.dispose();
    await rm(home, { recursive: true });
  });

  const configure = (entry: object) =>
    site.configure({ registries: { 'old.test': { url: other.url, uploadPart: '1MiB' } }, sync: [entry] as never });
  const accept = { headers: { Accept: `${mediaTypes.ociManifest}, ${mediaTypes.ociIndex}` } };
  const served = async (path: string) => (await call(other, 'GET', `/v2/${path}`, accept)).body;

  test('an index, a layer in parts, and a referrer under the tag of its subject', async () => {
    const [small, large] = [newImage(), newImage({}, 2_500_000)];
    for (const image of [small, large]) {
      await pushBlobs(site, 'out/app', image);
      await putManifest(site, 'out/app', image.digest, image.manifest);
    }
    const index = newIndex([small, large]);
    await putManifest(site, 'out/app', 'v', index, mediaTypes.ociIndex);
    const signature = newImage({ artifactType: 'application/signature', subject: descriptor(index, mediaTypes.ociIndex) });
    await pushBlobs(site, 'out/app', signature);
    await putManifest(site, 'out/app', signature.digest, signature.manifest);
    await configure({ from: 'out/**', to: 'old.test/copies/**' });
    expect(await site.run()).toMatchObject({ error: undefined, summary: { copiedTags: 1 } });
    expect((await served('copies/app/manifests/v')).toString()).toBe(index);
    expect((await served(`copies/app/blobs/${digestOf(large.layer)}`)).equals(large.layer)).toBe(true);
    const fallback = await served(`copies/app/manifests/${digestOf(index).replace(':', '-')}`);
    expect(JSON.parse(fallback.toString())).toMatchObject({ manifests: [{ digest: signature.digest }] });
    expect(await site.run()).toMatchObject({ error: undefined, summary: { copiedTags: 0, copiedBlobs: 0 } });
  });

  test('and back, with the referrers that its tag lists', async () => {
    const tag = JSON.parse((await served('copies/app/tags/list')).toString()) as { tags: string[] };
    expect(tag.tags).toContain('v');
    await configure({ name: 'back', from: 'old.test/copies/**', to: 'back/**' });
    expect(await site.run()).toMatchObject({ error: undefined });
    const digest = (await site.tag('back/app', 'v')) ?? '';
    expect(digest).toBe(await site.tag('out/app', 'v'));
    const referrers = await call(site, 'GET', `/v2/back/app/referrers/${digest}`);
    expect((referrers.json() as { manifests: unknown[] }).manifests).toHaveLength(1);
  });

  test('follows a tag that was moved', async () => {
    await pushImage(site, 'moved/app', 'v');
    await configure({ name: 'moved', from: 'moved/**', to: 'old.test/moved/**' });
    await site.run();
    const image = await pushImage(site, 'moved/app', 'v');
    expect(await site.run()).toMatchObject({ error: undefined, summary: { copiedTags: 1 } });
    expect((await served('moved/app/manifests/v')).toString()).toBe(image.manifest);
  });
});
