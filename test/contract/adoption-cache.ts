import { expect, test } from '@jest/globals';
import type { Digest } from '../../src/oci/digest.ts';
import { mediaTypes } from '../../src/oci/media-types.ts';
import type { RepositoryName } from '../../src/oci/reference.ts';
import { dockerHub, mirroredName } from '../../src/upstream/upstream.ts';
import { currentLink, layerLink, linksMarker, repositoriesPrefix } from '../../storage/blobs/distribution-links.ts';
import { type ObjectKey, objectKey } from '../../storage/blobs/driver.ts';
import { digestOf, newImage, newIndex } from '../support/images.ts';
import { newManifest } from '../support/new-manifest.ts';
import { type CurrentAdoption, contentOf, filesOf, finish, odditiesOf, run } from './adoption.ts';

const upstream = { name: dockerHub, localNameOf: (name: RepositoryName) => mirroredName({ name: dockerHub }, name) };
/** For a store without scheduler-state.json. */
const withoutSchedule = { upstream, assumesCache: true };
const alpine = 'docker.io/library/alpine' as RepositoryName;
const own = 'team/app' as RepositoryName;
const author = { actor: 'test', address: '', at: 1 };

/** Tests the adoption of a pull-through cache as mirrored content. */
export function testCache(current: CurrentAdoption): void {
  const schedulerState = () => current.driver.put(objectKey('scheduler-state.json'), Buffer.from('{}'));
  const push = (repository: RepositoryName, digest: Digest, tags: readonly string[]) =>
    current.metadata.manifests.put(newManifest({ repository, digest, tags, now: 1, author }));

  test('a pull-through cache becomes mirrored content of its upstream, under the names of the mirror', async () => {
    const { store, driver, metadata } = current;
    await schedulerState();
    const image = await store.putImage('library/alpine', '3');
    const index = newIndex([image, newImage()]);
    await store.putTag('library/alpine', 'multi', await store.putManifest('library/alpine', index));
    await store.putTag('library/alpine', 'expired', digestOf('expired'));
    const before = await filesOf(current);
    await run(current, { upstream });
    expect(await filesOf(current)).toEqual(before);
    expect((await contentOf(current)).filter((line) => line.startsWith('library/'))).toEqual([]);
    expect(await metadata.repositories.isPushed(alpine)).toBe(false);
    const { modifiedAt } = await driver.stat(currentLink('library/alpine', '3'));
    const seconds = (milliseconds = 0) => Math.floor(milliseconds / 1000);
    const tag = await metadata.mirroredTags.find(alpine, '3');
    expect(tag).toMatchObject({ digest: image.digest, cachedDigest: image.digest, mediaType: mediaTypes.ociManifest });
    // S3 states milliseconds in listings alone.
    expect([seconds(tag?.checkedAt), tag?.cachedSince]).toEqual([seconds(modifiedAt.getTime()), tag?.checkedAt]);
    expect((await metadata.mirroredTags.find(alpine, 'multi'))?.cachedDigest).toBe(digestOf(index));
    // Content that the cache does not have is fetched when a client pulls it.
    const absent = (JSON.parse(index) as { manifests: { digest: Digest }[] }).manifests[1]?.digest ?? image.digest;
    expect(await metadata.mirroredContent.findExpected(alpine, absent)).toMatchObject({ isOpen: false });
    expect(await metadata.mirroredRepositories.findVisibility(alpine)).toMatchObject({ byLogin: true, isPublic: null });
    expect(await odditiesOf(current)).toEqual([
      'proxy-cache scheduler-state.json',
      'tag-without-manifest library/alpine/_manifests/tags/expired/current/link',
    ]);
    expect((await metadata.adoption.find())?.upstream).toBe(dockerHub);
  });

  test('content of an adopted cache counts for the size of the mirror, and is evicted once the adoption is finished', async () => {
    const { store, driver, metadata } = current;
    await schedulerState();
    const image = await store.putImage('library/alpine', '3');
    await run(current, { upstream });
    const digests = [image.digest, digestOf(image.layer), digestOf(image.config)];
    const bytes = [image.manifest, image.layer, image.config].reduce((sum, { length }) => sum + length, 0);
    expect(await metadata.mirrorSpace.size()).toEqual({ contentBytes: bytes, protectedBytes: 0, transitBytes: 0 });
    const candidates = await metadata.mirrorSpace.listLeastRecentlyUsed(false, 10);
    expect(candidates.map(({ digest }) => digest).sort()).toEqual(digests.sort());
    expect(await metadata.cachedContent.pin(image.digest, 1)).toBe(3);
    expect(await metadata.mirrorSpace.listLeastRecentlyUsed(false, 10)).toEqual([]);
    await finish(current);
    // Links would lead to evicted content; berth writes its own beside none of another registry.
    expect((await filesOf(current)).filter((line) => line.startsWith(repositoriesPrefix))).toEqual([]);
    await expect(driver.stat(objectKey('scheduler-state.json'))).rejects.toMatchObject({ code: 'not_found' });
    expect(await driver.stat(linksMarker)).toBeDefined();
    expect(await metadata.mirrorSpace.evict(digestOf(image.layer), 1)).toBe(true);
    expect(await metadata.blobs.findLink(alpine, digestOf(image.layer))).toBeUndefined();
    expect(await metadata.mirroredContent.findExpected(alpine, digestOf(image.layer))).toBeDefined();
  });

  test('pushed and mirrored content with one digest stay apart, whichever came first', async () => {
    const { store, metadata } = current;
    const image = await store.putImage('library/alpine', '3');
    const [before, after] = [digestOf(image.layer), digestOf(image.config)];
    await metadata.blobs.commit(own, before, image.layer.length, 'no upload', 1);
    await push(own, image.digest, ['1']);
    await run(current, withoutSchedule);
    await finish(current);
    await metadata.blobs.commit(own, after, image.config.length, 'no upload', 1);
    for (const digest of [before, after, image.digest]) expect(await metadata.mirrorSpace.evict(digest, 1)).toBe(false);
    for (const digest of [before, after]) {
      expect(await metadata.blobs.findLink(own, digest)).toBeDefined();
      expect(await metadata.blobs.findLink(alpine, digest)).toBeUndefined();
    }
    expect(await metadata.distribution.findTag(own, '1')).toBe(image.digest);
    expect(await metadata.mirrorSpace.size()).toEqual({ contentBytes: 0, protectedBytes: 0, transitBytes: 0 });
  });

  test('a repository that was pushed to berth gets nothing of a cache, and loses nothing with it', async () => {
    const { store, metadata } = current;
    const image = await store.putImage('library/alpine', '3');
    await push(alpine, image.digest, ['3']);
    await run(current, withoutSchedule);
    expect(await metadata.repositories.isPushed(alpine)).toBe(true);
    expect(await metadata.blobs.findLink(alpine, digestOf(image.layer))).toBeUndefined();
    expect(await odditiesOf(current)).toContainEqual(expect.stringContaining('pushed-repository library/alpine/'));
    await store.putImage('library/busybox', '1');
    await store.removeTag('library/alpine', '3');
    await run(current, withoutSchedule);
    expect(await metadata.distribution.findTag(alpine, '3')).toBe(image.digest);
  });

  test('a further run follows what the cache has checked, fetched and expired since', async () => {
    const { store, driver, metadata } = current;
    const first = await store.putImage('library/alpine', 'edge');
    await store.putImage('library/alpine', 'old');
    await run(current, withoutSchedule);
    const second = await store.putImage('library/alpine', 'edge');
    await store.removeTag('library/alpine', 'old');
    await driver.delete([layerLink('library/alpine', digestOf(first.layer))]);
    await run(current, withoutSchedule);
    expect((await metadata.mirroredTags.find(alpine, 'edge'))?.cachedDigest).toBe(second.digest);
    expect(await metadata.mirroredTags.find(alpine, 'old')).toBeUndefined();
    expect(await metadata.blobs.findLink(alpine, digestOf(first.layer))).toBeUndefined();
    expect(await odditiesOf(current)).toEqual([]);
  });

  test('an adoption goes on as it was begun: as mirrored content of one upstream, or as pushed content', async () => {
    await current.store.putImage('library/alpine', '3');
    await run(current, withoutSchedule);
    await expect(run(current)).rejects.toThrow('begun as mirrored content of docker.io');
    await expect(run(current, { upstream: { ...upstream, name: 'quay.io' } })).rejects.toThrow('begun as mirrored content');
  });

  test('a store without scheduler-state.json becomes mirrored content only if this is confirmed in every run', async () => {
    const { store, metadata } = current;
    await store.putImage('team/app', '1');
    await expect(run(current, { upstream })).rejects.toThrow('this store has no scheduler-state.json');
    expect(await metadata.adoption.find()).toBeUndefined();
    await run(current, withoutSchedule);
    await expect(run(current, { upstream })).rejects.toThrow('this store has no scheduler-state.json');
  });

  test('links follow every push since the adoption began, also if a server starts while those of the cache are deleted', async () => {
    const { store, driver, metadata } = current;
    await schedulerState();
    const image = await store.putImage('library/alpine', '3');
    await run(current, { upstream });
    const pushedAt = Date.now();
    const times = { now: pushedAt, author: { ...author, at: pushedAt } };
    await metadata.manifests.put(newManifest({ repository: own, digest: image.digest, tags: ['1'], ...times }));
    const last = await metadata.events.lastSettled();
    // Without the marker the server forgets the consumer of links.
    const beginDelete = async (keys: readonly ObjectKey[]) => {
      await metadata.events.removeConsumer('links');
      return driver.delete(keys);
    };
    await finish({ ...current, driver: { ...driver, delete: beginDelete } });
    expect((await metadata.events.findConsumer('links'))?.position).toBeLessThan(last);
  });
}
