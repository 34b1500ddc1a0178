import { expect, test } from '@jest/globals';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import type { Plain } from '../support/plain.ts';

const digest = (letter: string) => `sha256:${letter.repeat(64)}`;

const holder = (repository: string) => ({ repository, upstream: 'docker.io', byLogin: false });

/** Returns functions that record content and read what the mirror holds. */
const mirrored = (store: () => Plain<MetadataStore>) => {
  const tag = (name: string, letter: string, now: number) =>
    store().mirroredTags.record({
      repository: 'docker.io/library/a',
      upstream: 'docker.io',
      byLogin: false,
      tag: name,
      digest: digest(letter),
      mediaType: 'type/m',
      sizeBytes: 9,
      now,
    });
  const manifest = (letter: string, promises: readonly string[], repository = 'docker.io/library/a') =>
    store().mirroredContent.recordManifest({
      repository,
      upstream: 'docker.io',
      byLogin: false,
      digest: digest(letter),
      mediaType: 'type/m',
      sizeBytes: 9,
      artifactType: null,
      subject: null,
      annotations: null,
      tags: [],
      promises: promises.map((promised) => ({ digest: digest(promised), sizeBytes: 5 })),
      now: 1,
    });
  const size = () => store().mirrorSpace.size();
  const oldest = async (isProtected: boolean) =>
    (await store().mirrorSpace.listLeastRecentlyUsed(isProtected, 2)).map((content) => content.digest);
  return { tag, manifest, size, oldest };
};

/** Tests tags, the manifests that they name, and listings. */
function testTags(store: () => Plain<MetadataStore>): void {
  const { tag, manifest } = mirrored(store);

  test('a mirrored tag is recorded before its manifest and becomes a tag when the manifest is stored', async () => {
    await tag('1', 'a', 7);
    expect(await store().mirroredTags.find('docker.io/library/a', '1')).toEqual({
      digest: digest('a'),
      mediaType: 'type/m',
      sizeBytes: 9,
      checkedAt: 7,
      missingSince: null,
      cachedDigest: null,
      cachedMediaType: null,
      cachedSizeBytes: null,
      cachedSince: null,
    });
    expect(await store().tags.list('docker.io/library/a', '', 9)).toEqual([]);
    await manifest('a', []);
    expect(await store().tags.list('docker.io/library/a', '', 9)).toEqual(['1']);
    expect(await store().mirroredTags.find('docker.io/library/a', '1')).toMatchObject({
      cachedDigest: digest('a'),
      cachedMediaType: 'type/m',
      cachedSizeBytes: 9,
      cachedSince: 7,
    });
    await tag('1', 'b', 8);
    const moved = { digest: digest('b'), checkedAt: 8, cachedDigest: digest('a'), cachedSince: 7 };
    expect(await store().mirroredTags.find('docker.io/library/a', '1')).toMatchObject(moved);
  });

  test('a tag that has moved keeps its manifest until the new one is stored and published', async () => {
    const found = () => store().manifests.findByTag('docker.io/library/a', '1');
    await manifest('a', []);
    await tag('1', 'a', 7);
    await tag('1', 'b', 8);
    await store().mirroredTags.publish('docker.io/library/a', '1', digest('b'));
    expect(await found()).toMatchObject({ digest: digest('a') });
    await manifest('b', []);
    await tag('1', 'b', 9);
    expect(await found()).toMatchObject({ digest: digest('a') });
    await store().mirroredTags.publish('docker.io/library/a', '1', digest('a'));
    expect(await found()).toMatchObject({ digest: digest('a') });
    await store().mirroredTags.publish('docker.io/library/a', '1', digest('b'));
    expect(await found()).toMatchObject({ digest: digest('b') });
    expect(await store().mirroredTags.find('docker.io/library/a', '1')).toMatchObject({
      cachedDigest: digest('b'),
      cachedSince: 9,
    });
  });

  test('manifestsAmong returns the digests that are manifests of the repository', async () => {
    await manifest('a', ['b']);
    await manifest('c', [], 'docker.io/library/other');
    const list = (letters: readonly string[]) =>
      store().mirroredContent.listCachedManifests('docker.io/library/a', letters.map(digest));
    expect([await list(['a', 'b', 'c']), await list([])]).toEqual([[digest('a')], []]);
  });

  test('a missing tag keeps the time of its first miss until it is found again or dropped', async () => {
    await tag('1', 'a', 1);
    await store().mirroredTags.recordMissing('docker.io/library/a', '1', 5);
    await store().mirroredTags.recordMissing('docker.io/library/a', '1', 6);
    expect(await store().mirroredTags.find('docker.io/library/a', '1')).toMatchObject({ checkedAt: 6, missingSince: 5 });
    await tag('1', 'a', 7);
    expect(await store().mirroredTags.find('docker.io/library/a', '1')).toMatchObject({ missingSince: null });
    await store().mirroredTags.remove('docker.io/library/a', '1');
    expect(await store().mirroredTags.find('docker.io/library/a', '1')).toBeUndefined();
  });

  test('listings keep their newest pages, each in place of its former version', async () => {
    const record = (path: string, document: string, fetchedAt: number) =>
      store().mirroredListings.record(
        { repository: 'ghcr.io/o/i', path, document, next: fetchedAt === 1 ? null : 'n=1', fetchedAt },
        2,
      );
    const find = (path: string) => store().mirroredListings.find('ghcr.io/o/i', path);
    await record('a', '[1]', 1);
    expect([await find('a'), await find('b')]).toEqual([{ document: '[1]', next: null, fetchedAt: 1 }, undefined]);
    await record('b', '[2]', 2);
    await record('a', '[3]', 3);
    await record('c', '[4]', 4);
    expect([await find('a'), await find('b'), await find('c')]).toEqual([
      { document: '[3]', next: 'n=1', fetchedAt: 3 },
      undefined,
      { document: '[4]', next: 'n=1', fetchedAt: 4 },
    ]);
  });
}

/** Tests which repositories have content, and for whom. */
function testRepositories(store: () => Plain<MetadataStore>): void {
  const { tag, manifest } = mirrored(store);

  test('only repositories without an upstream count as pushed', async () => {
    await store().blobs.commit('own', digest('a'), 1, 'no upload', 1);
    await tag('1', 'a', 1);
    const names = ['own', 'docker.io/library/a', 'none'];
    expect(await Promise.all(names.map((name) => store().repositories.isPushed(name)))).toEqual([true, false, false]);
  });

  test('a push into a mirrored repository keeps its content', async () => {
    await store().mirroredContent.recordBlob([holder('docker.io/library/a')], digest('b'), 5, 1);
    await store().blobs.commit('docker.io/library/a', digest('c'), 1, 'no upload', 2);
    expect(await store().repositories.isPushed('docker.io/library/a')).toBe(true);
    expect(await store().mirrorSpace.evict(digest('b'), 9)).toBe(false);
    expect(await store().blobs.findLink('docker.io/library/a', digest('b'))).toEqual({ sizeBytes: 5 });
  });

  test('evicted content keeps its bytes until a restore is complete', async () => {
    await store().mirroredContent.recordBlob([holder('docker.io/library/a')], digest('b'), 5, 1);
    await store().collectionState.block('restore', 1);
    expect(await store().mirrorSpace.evict(digest('b'), 2)).toBe(false);
    expect(await store().blobs.findLink('docker.io/library/a', digest('b'))).toBeUndefined();
    expect(await store().blobs.find(digest('b'))).toEqual({ sizeBytes: 5 });
    await store().collectionState.unblock('restore');
    const { purges } = await store().collection.step({ now: 9e9, limit: 10, purger: 'one', until: 9e9 });
    expect(purges).toMatchObject([{ digest: digest('b') }]);
  });

  test('a manifest promises content, and stored content can be linked', async () => {
    await manifest('a', ['b', 'c']);
    await store().mirroredContent.recordBlob([holder('docker.io/library/other')], digest('b'), 5, 1);
    expect(await store().mirroredContent.findExpected('docker.io/library/a', digest('b'))).toEqual({
      sizeBytes: 5,
      isOpen: true,
    });
    expect(await store().mirroredContent.findExpected('docker.io/library/a', digest('c'))).toEqual({
      sizeBytes: 5,
      isOpen: false,
    });
    expect(await store().mirroredContent.findExpected('docker.io/library/a', digest('d'))).toBeUndefined();
    expect(await store().mirroredContent.linkBlob(holder('docker.io/library/a'), digest('b'), 2)).toBe(true);
    expect(await store().mirroredContent.linkBlob(holder('docker.io/library/a'), digest('c'), 2)).toBe(false);
    expect(await store().blobs.findLink('docker.io/library/a', digest('b'))).toEqual({ sizeBytes: 5 });
  });

  test('content from a download with a login is not promised until a download without one succeeds', async () => {
    const isOpen = async () => (await store().mirroredContent.findExpected('docker.io/library/a', digest('b')))?.isOpen;
    await manifest('a', ['b']);
    await store().mirroredContent.recordBlob([{ ...holder('docker.io/company/a'), byLogin: true }], digest('b'), 5, 1);
    expect(await isOpen()).toBe(false);
    await store().mirroredContent.recordBlob([holder('ghcr.io/x')], digest('b'), 5, 1);
    expect(await isOpen()).toBe(true);
    await store().mirroredContent.linkBlob({ ...holder('ghcr.io/x'), byLogin: true }, digest('b'), 2);
    expect(await isOpen()).toBe(false);
  });

  test('every manifest of a mirrored repository belongs to it', async () => {
    await manifest('a', []);
    await manifest('b', [], 'ghcr.io/x');
    const names = ['docker.io/library/a', 'ghcr.io/x', 'none'];
    const found = await Promise.all(names.map((name) => store().manifests.findAny(name)));
    expect(found).toEqual([digest('a'), digest('b'), undefined]);
  });

  test('a repository with content from a login is hidden unless it was lately seen without one', async () => {
    const company = { ...holder('docker.io/company/a'), byLogin: true };
    const hidden = (since: number) =>
      store().mirroredRepositories.listHidden(['docker.io/company/a', 'docker.io/x', 'own', 'none'], since);
    const note = (isPublic: boolean, proof: string | null, now: number) =>
      store().mirroredRepositories.recordVisibility(company, { isPublic, proof, now });
    await store().blobs.commit('own', digest('a'), 1, 'no upload', 1);
    await store().mirroredContent.recordBlob([holder('docker.io/x')], digest('b'), 5, 1);
    await note(false, null, 1);
    expect(await store().repositories.exists('docker.io/company/a')).toBe(false);
    expect(await store().mirroredRepositories.findVisibility('docker.io/company/a')).toBeUndefined();
    await store().mirroredContent.recordBlob([company], digest('b'), 5, 1);
    expect(await store().mirroredRepositories.findVisibility('docker.io/company/a')).toEqual({
      byLogin: true,
      isPublic: null,
      checkedAt: 0,
      proof: null,
    });
    expect(await hidden(0)).toEqual(['docker.io/company/a']);
    await note(true, digest('c'), 5);
    expect([await hidden(5), await hidden(6)]).toEqual([[], ['docker.io/company/a']]);
    await note(false, null, 7);
    expect(await hidden(0)).toEqual(['docker.io/company/a']);
    expect(await store().mirroredRepositories.findVisibility('docker.io/company/a')).toMatchObject({
      isPublic: false,
      proof: digest('c'),
    });
  });
}

/** Tests the space that content takes. */
function testSpace(store: () => Plain<MetadataStore>): void {
  const { manifest, size, oldest } = mirrored(store);

  test('content counts once, is ordered by its last use, and is protected after a second use', async () => {
    await manifest('a', []);
    await store().mirroredContent.recordBlob([holder('docker.io/x'), holder('docker.io/y')], digest('b'), 5, 2);
    await store().mirroredContent.recordBlob([holder('docker.io/x')], digest('c'), 7, 3);
    await store().mirroredContent.recordUses([
      { digest: digest('a'), usedAt: 4, isNew: false },
      { digest: digest('none'), usedAt: 4, isNew: true },
      { digest: digest('c'), usedAt: 1, isNew: true },
    ]);
    expect(await size()).toEqual({ contentBytes: 21, protectedBytes: 0, transitBytes: 0 });
    expect(await oldest(false)).toEqual([digest('b'), digest('c')]);
    await store().mirroredContent.recordUses([{ digest: digest('b'), usedAt: 5, isNew: true }]);
    expect([await oldest(true), await oldest(false)]).toEqual([[digest('b')], [digest('c'), digest('a')]]);
    expect(await size()).toMatchObject({ contentBytes: 21, protectedBytes: 5 });
    await store().mirrorSpace.evict(digest('b'), 6);
    expect(await size()).toEqual({ contentBytes: 16, protectedBytes: 0, transitBytes: 5 });
  });

  test('space reservations count arriving and leaving content and stop at the limit', async () => {
    const arrivals = ['b', 'c', 'd'].map((letter) => store().mirrorSpace.reserve(digest(letter), 5, 12, 1));
    expect((await Promise.all(arrivals)).filter(Boolean)).toHaveLength(2);
    expect(await size()).toEqual({ contentBytes: 0, protectedBytes: 0, transitBytes: 10 });
    await store().mirrorSpace.renewReservations(['b', 'c', 'd'].map(digest), 5);
    expect([
      await store().mirrorSpace.listReservations(5, false, 9),
      await store().mirrorSpace.listReservations(6, false, 9),
    ]).toMatchObject([[], { length: 2 }]);
    await store().mirrorSpace.release(['b', 'c', 'd'].map(digest), false);
    expect(await store().mirrorSpace.reserve(digest('b'), 5, 12, 1)).toBe(true);
    await store().mirroredContent.recordBlob([holder('docker.io/x')], digest('b'), 5, 1);
    expect(await size()).toEqual({ contentBytes: 5, protectedBytes: 0, transitBytes: 0 });
    expect(await store().mirrorSpace.evict(digest('b'), 7)).toBe(true);
    expect(await store().mirrorSpace.reserve(digest('c'), 8, 12, 8)).toBe(false);
    expect(await store().mirrorSpace.listReservations(7, true, 9)).toEqual([]);
    expect(await store().mirrorSpace.listReservations(8, true, 9)).toEqual([{ digest: digest('b') }]);
    expect(await store().mirrorSpace.listReservations(8, false, 9)).toEqual([]);
    await store().mirrorSpace.release([digest('b')], true);
    expect(await store().mirrorSpace.reserve(digest('c'), 8, 12, 8)).toBe(true);
  });

  test('a refusal is recorded until it is removed', async () => {
    expect([
      await store().mirroredContent.refuseBlob(digest('b'), 1),
      await store().mirroredContent.refuseBlob(digest('b'), 5),
    ]).toEqual([false, true]);
    await store().mirroredContent.forgetRefusals(2);
    expect(await store().mirroredContent.refuseBlob(digest('b'), 6)).toBe(false);
  });

  test('pinned content is not evicted while an image pins it', async () => {
    for (const letter of ['a', 'b', 'c']) await store().mirroredContent.recordBlob([holder('docker.io/x')], digest(letter), 5, 1);
    const evictable = async () =>
      (await store().mirrorSpace.listLeastRecentlyUsed(false, 9)).map((content) => content.digest[7]).join('');
    await store().mirrorPins.put('one', [digest('a'), digest('b'), digest('d')], 1);
    await store().mirrorPins.put('two', [digest('b')], 1);
    expect([await evictable(), await store().mirrorPins.totalBytes()]).toEqual(['c', 10]);
    await store().mirrorPins.put('one', [digest('a')], 2);
    await store().mirrorPins.removeBefore('one', 2);
    expect([(await store().mirrorPins.listImages()).toSorted(), await evictable()]).toEqual([['one', 'two'], 'c']);
    await store().mirrorPins.removeBefore('two', 2);
    expect([await store().mirrorPins.listImages(), await evictable()]).toEqual([['one'], 'bc']);
    await store().mirrorPins.removeBefore('one', 3);
    expect([await store().mirrorPins.listImages(), await evictable(), await store().mirrorPins.totalBytes()]).toEqual([
      [],
      'abc',
      0,
    ]);
  });
}

/** Tests what eviction removes. */
function testEviction(store: () => Plain<MetadataStore>): void {
  const { tag, manifest, size } = mirrored(store);

  test('evicted content is removed from every mirrored repository and kept in those that it was pushed to', async () => {
    await manifest('a', ['b']);
    await tag('1', 'a', 1);
    await store().mirroredContent.recordBlob([holder('docker.io/library/a')], digest('b'), 5, 1);
    await store().mirroredContent.recordBlob([holder('docker.io/library/a')], digest('c'), 5, 1);
    await store().blobs.mount('docker.io/library/a', 'own', digest('c'), { actor: 'alice', address: '', at: 2 });
    expect(await store().mirrorSpace.evict(digest('b'), 9)).toBe(true);
    expect(await store().mirrorSpace.evict(digest('c'), 9)).toBe(false);
    expect(await store().mirrorSpace.evict(digest('a'), 9)).toBe(true);
    expect(await store().blobs.findLink('docker.io/library/a', digest('b'))).toBeUndefined();
    expect(await store().blobs.findLink('own', digest('c'))).toEqual({ sizeBytes: 5 });
    expect(await store().mirroredTags.find('docker.io/library/a', '1')).toBeUndefined();
    expect(await size()).toEqual({ contentBytes: 0, protectedBytes: 0, transitBytes: 14 });
  });

  test('eviction removes promises, tags and repositories, but no content that another manifest needs', async () => {
    const repository = 'docker.io/library/a';
    const promised = async (...letters: string[]) => {
      const found = await Promise.all(letters.map((letter) => store().mirroredContent.findExpected(repository, digest(letter))));
      return found.map((promise) => promise !== undefined);
    };
    await manifest('a', ['b', 'c']);
    await manifest('e', ['c', 'd']);
    await tag('1', 'a', 1);
    await store().mirroredContent.recordBlob([holder(repository)], digest('c'), 5, 1);
    await store().mirrorSpace.evict(digest('a'), 9);
    expect(await promised('b', 'c', 'd')).toEqual([false, true, true]);
    expect(await store().mirroredTags.find(repository, '1')).toBeUndefined();
    await store().mirrorSpace.evict(digest('e'), 9);
    expect([await promised('c', 'd'), await store().repositories.exists(repository)]).toEqual([[false, false], true]);
    await store().mirrorSpace.evict(digest('c'), 9);
    expect(await store().repositories.exists(repository)).toBe(false);
  });

  test('content whose bytes were lost keeps its tag and its promises', async () => {
    await manifest('a', ['b']);
    await tag('1', 'a', 1);
    expect(await store().mirrorSpace.evict(digest('a'), 9, true)).toBe(true);
    expect(await store().mirroredTags.find('docker.io/library/a', '1')).toMatchObject({
      digest: digest('a'),
      cachedDigest: null,
    });
    expect(await store().mirroredContent.findExpected('docker.io/library/a', digest('b'))).toBeDefined();
  });

  test('a pushed repository stays also without content', async () => {
    await store().mirroredContent.recordBlob([holder('own')], digest('b'), 5, 1);
    await store().blobs.commit('own', digest('c'), 1, 'no upload', 2);
    await store().mirrorSpace.evict(digest('b'), 9);
    expect(await store().repositories.exists('own')).toBe(true);
  });
}

/** What a store promises about mirrored content. */
export function testMirroredContent(store: () => Plain<MetadataStore>): void {
  testTags(store);
  testRepositories(store);
  testSpace(store);
  testEviction(store);
}
