import { expect, test } from '@jest/globals';
import type { Digest } from '../../../src/oci/digest.ts';
import { type CurrentDatabase, author, content, deletion, digest, writesTo } from './fixtures.ts';

/** Tests uploads, blobs, manifests and what they need. */
export function testContent(current: CurrentDatabase): void {
  const { blob, manifest } = writesTo(current);

  test('an upload is found until it is committed or deleted', async () => {
    await current.store.uploads.create('u1', 'app', 'sha256', 5);
    await current.store.uploads.create('u2', 'app', 'sha512', 7);
    expect(await current.store.uploads.find('u1')).toEqual({
      id: 'u1',
      repository: 'app',
      algorithm: 'sha256',
      startedAt: 5,
      owner: '',
    });
    expect(await current.store.uploads.listStartedBefore(7, 10)).toEqual(['u1']);
    expect(await current.store.uploads.listStartedBefore(8, 1)).toEqual(['u1']);
    await current.store.blobs.commit('app', digest('a'), 3, 'u1', 6);
    await current.store.uploads.remove('u2');
    expect([await current.store.uploads.find('u1'), await current.store.uploads.find('u2')]).toEqual([undefined, undefined]);
    expect(await current.store.blobs.findLink('app', digest('a'))).toEqual({ sizeBytes: 3 });
  });

  test('a blob is found in the repositories that link it and in no other', async () => {
    await blob('one', 'a');
    expect([
      await current.store.blobs.mount('one', 'two', digest('a'), author),
      await current.store.blobs.mount('three', 'two', digest('a'), author),
    ]).toEqual([true, false]);
    expect([...(await current.store.blobs.listRepositories(digest('a'), 10))].sort()).toEqual(['one', 'two']);
    expect(await current.store.blobs.listRepositories(digest('a'), 1)).toHaveLength(1);
    expect(await current.store.blobs.unlink('one', digest('a'), author)).toEqual({ unlinked: true });
    expect([
      await current.store.blobs.findLink('one', digest('a')),
      await current.store.blobs.findLink('two', digest('a')),
    ]).toEqual([undefined, { sizeBytes: 1 }]);
    expect(await current.store.blobs.unlink('one', digest('a'), author)).toEqual({ unlinked: false });
  });

  test('a manifest is found by its digest and by the tag that was moved to it last', async () => {
    await manifest('app', 'm', { tags: ['x', 'y'] });
    await manifest('app', 'n', { tags: ['y'] });
    expect(await current.store.manifests.findByTag('app', 'x')).toEqual({
      digest: digest('m'),
      mediaType: 'type/m',
      sizeBytes: 1,
    });
    expect((await current.store.manifests.findByTag('app', 'y'))?.digest).toBe(digest('n'));
    expect((await current.store.manifests.findByDigest('app', digest('m')))?.digest).toBe(digest('m'));
    expect([
      await current.store.manifests.findByTag('other', 'x'),
      await current.store.manifests.findByDigest('other', digest('m')),
    ]).toEqual([undefined, undefined]);
  });

  test('putManifest names every reference that is missing or has another size, and changes nothing', async () => {
    await blob('app', 'a');
    const check = await manifest('app', 'm', {
      blobs: [content('a', 2), content('b'), content('c')],
      children: [content('d')],
      tags: ['x'],
    });
    expect(check).toEqual({ missing: [digest('b'), digest('c'), digest('d')], wrongSize: [digest('a')] });
    expect(await current.store.manifests.findByTag('app', 'x')).toBeUndefined();
    expect(await current.store.manifests.checkReferences('nobody', [content('a')], [])).toEqual({
      missing: [digest('a')],
      wrongSize: [],
    });
  });

  test('putManifest with acceptMissing accepts missing references but none with another size', async () => {
    await blob('app', 'a');
    expect((await manifest('app', 'm', { blobs: [content('b')], acceptMissing: true })).missing).toEqual([]);
    expect((await manifest('app', 'n', { blobs: [content('a', 2)], acceptMissing: true })).wrongSize).toEqual([digest('a')]);
    expect(await current.store.manifests.findByDigest('app', digest('n'))).toBeUndefined();
  });

  test('a manifest may have more references than a statement may have parameters', async () => {
    const many = Array.from({ length: 1700 }, (_, index) => ({
      digest: `sha256:${index.toString(16).padStart(64, '0')}` as Digest,
      sizeBytes: 1,
    }));
    const left = [...many];
    expect((await manifest('app', 'm', { blobs: many })).missing).toHaveLength(1700);
    while (left.length > 0) {
      await Promise.all(left.splice(0, 100).map((one) => current.store.blobs.commit('app', one.digest, 1, '', 1)));
    }
    expect((await manifest('app', 'm', { blobs: many })).missing).toEqual([]);
  });

  test('content that a manifest references cannot be deleted', async () => {
    await blob('app', 'a');
    await manifest('app', 'm', { blobs: [content('a')] });
    await manifest('app', 'i', { children: [content('m')] });
    expect(await current.store.blobs.unlink('app', digest('a'), author)).toEqual({ unlinked: false, neededBy: digest('m') });
    expect(await current.store.deletions.put(deletion('app', 'm'))).toEqual({ outcome: 'needed', neededBy: digest('i') });
    expect((await current.store.deletions.put(deletion('app', 'i'))).outcome).toBe('deleted');
    expect(await current.store.blobs.unlink('app', digest('a'), author)).toEqual({ unlinked: true });
    expect(await current.store.deletions.put(deletion('app', 'm'))).toEqual({ outcome: 'unknown' });
  });

  test('the deletion of a manifest deletes its tags, and the deletion of a tag keeps the manifest', async () => {
    await manifest('app', 'm', { tags: ['x', 'y', 'z'] });
    expect([
      await current.store.tags.remove('app', 'x', author),
      await current.store.tags.remove('app', 'x', author),
      await current.store.tags.remove('nobody', 'y', author),
    ]).toEqual([true, false, false]);
    expect(await current.store.tags.list('app', '', 10)).toEqual(['y', 'z']);
    await current.store.deletions.put(deletion('app', 'm'));
    expect(await current.store.tags.list('app', '', 10)).toEqual([]);
    expect(await current.store.repositories.exists('app')).toBe(true);
  });
}
