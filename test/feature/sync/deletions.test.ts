import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { RepositoryName, Tag } from '../../../src/oci/reference.ts';
import { type FakeUpstream, startFakeUpstream } from '../../support/fake-upstream.ts';
import { mediaTypes } from '../../../src/oci/media-types.ts';
import { descriptor, newImage, newIndex } from '../../support/images.ts';
import { type SyncSite, startSite } from '../../support/sync.ts';

let upstream: FakeUpstream;
let site: SyncSite;
let count = 0;

beforeAll(async () => {
  [upstream, site] = await Promise.all([startFakeUpstream({ auth: 'bearer' }), startSite()]);
});
afterAll(async () => {
  await site.dispose();
  await upstream.close();
});
afterEach(() => upstream.behave());

/** Copies images with these tags into a namespace of its own; afterwards the source does not have those of `deleted`. */
async function copied(tags: readonly string[], deleted: readonly string[] = [], entry: object = {}): Promise<RepositoryName> {
  const namespace = `space${count++}`;
  const name = `${namespace}/app` as RepositoryName;
  for (const tag of tags) upstream.addImage(name, tag);
  await site.configure({
    registries: { 'hub.test': { url: upstream.url } },
    sync: [{ name: namespace, from: `hub.test/${namespace}/**`, to: `${namespace}/**`, deletions: 'trash', ...entry }],
  });
  expect(await site.run()).toMatchObject({ error: undefined });
  for (const tag of deleted) upstream.deleteTag(name, tag);
  return name;
}

const numbered = (number: number) => Array.from({ length: number }, (_, index) => `t${index + 10}`);

describe('deletions at the source', () => {
  test('go to the trash with a reason, and can be restored', async () => {
    const name = await copied(['keep', 'gone'], ['gone']);
    const digest = await site.tag(name, 'gone');
    expect((await site.run()).summary).toMatchObject({ deletedTags: 1 });
    expect(await site.tags(name)).toEqual(['keep']);
    const [entry] = await site.metadata.trash.list(name, Number.MAX_SAFE_INTEGER, 10, site.now);
    expect(entry).toMatchObject({ digest, actor: 'sync', reason: expect.stringContaining('the source has deleted it') });
  });

  test('can be restored with the platforms that were copied', async () => {
    const name = await copied(['keep']);
    const [amd64, arm64] = [upstream.addImage(name, 'amd64'), newImage()];
    const entry = (image: typeof arm64, architecture: string) => ({
      ...descriptor(image.manifest, mediaTypes.ociManifest),
      platform: { os: 'linux', architecture },
    });
    const index = newIndex([], { manifests: [entry(amd64, 'amd64'), entry(arm64, 'arm64')] });
    upstream.addManifest(name, 'gone', index, mediaTypes.ociIndex);
    upstream.deleteTag(name, 'amd64');
    const namespace = name.split('/')[0] ?? '';
    const sync = [{ name: namespace, from: `hub.test/${name}`, to: name, deletions: 'trash', platforms: ['linux/amd64'] }];
    await site.configure({ registries: { 'hub.test': { url: upstream.url } }, sync });
    await site.run();
    const digest = await site.tag(name, 'gone');
    upstream.deleteTag(name, 'gone');
    expect(await site.run()).toMatchObject({ error: undefined, summary: { deletedTags: 1 } });
    const restored = await site.registry.tagHistory.restore(name, 'gone' as Tag, digest);
    expect(restored.digest).toBe(digest);
    expect(await site.tag(name, 'gone')).toBe(digest);
  });

  test('are left alone unless the entry asks for them', async () => {
    const name = await copied(['keep', 'gone'], ['gone'], { deletions: 'none' });
    await site.run();
    expect(await site.tags(name)).toEqual(['gone', 'keep']);
  });

  test('only untag a manifest that has another tag', async () => {
    const name = await copied(['keep', 'gone'], ['gone']);
    const digest = await site.retag(name, 'gone', 'own');
    await site.run();
    expect(await site.tags(name)).toEqual(['keep', 'own']);
    expect(await site.tag(name, 'own')).toBe(digest);
  });

  test('leave tags that were pushed here or have been moved here', async () => {
    const name = await copied(['keep', 'moved'], ['moved']);
    await site.retag(name, 'keep', 'moved');
    await site.retag(name, 'keep', 'pushed');
    await site.run();
    expect(await site.tags(name)).toEqual(['keep', 'moved', 'pushed']);
  });

  test('leave a tag that was moved here also if a run has seen it in the meantime', async () => {
    const name = await copied(['keep', 'moved']);
    await site.retag(name, 'keep', 'moved');
    expect((await site.run()).summary).toMatchObject({ keptTags: 1 });
    upstream.deleteTag(name, 'moved');
    expect(await site.run()).toMatchObject({ error: undefined, summary: { deletedTags: 0 } });
    expect(await site.tags(name)).toEqual(['keep', 'moved']);
  });

  test('of a whole repository delete its tags', async () => {
    const name = await copied(['a', 'b'], ['a', 'b']);
    upstream.addImage(`${name}2`, 'other');
    expect((await site.run()).summary).toMatchObject({ deletedTags: 2 });
    expect(await site.tags(name)).toEqual([]);
  });

  test('are not made where a hold keeps the image, and the run says so', async () => {
    const name = await copied(['keep', 'held'], ['held']);
    await site.registry.holds.add(name, { tag: 'held' as Tag }, { reason: 'audit', author: { actor: 'alice', address: '' } });
    const { error, actions } = await site.run();
    expect(error).toBe('1 failed');
    expect(actions).toContainEqual(
      expect.objectContaining({ action: 'fail', reference: 'held', reason: expect.stringContaining('hold') }),
    );
    expect(await site.tags(name)).toContain('held');
  });

  test('wait for an approval if they are more than a fifth of the tags', async () => {
    const tags = numbered(20);
    const name = await copied(['keep', ...tags], tags.slice(0, 11));
    expect((await site.run()).error).toMatch(/^11 of 21 tags would be deleted, more than 20 %: nothing is deleted/);
    expect(await site.tags(name)).toHaveLength(21);
    expect((await site.run({ allowsDeletions: true })).summary).toMatchObject({ deletedTags: 11 });
    expect(await site.tags(name)).toHaveLength(10);
  });

  test('need no approval if they are ten or fewer', async () => {
    const tags = numbered(10);
    const name = await copied(['keep', ...tags], tags);
    expect((await site.run()).summary).toMatchObject({ deletedTags: 10 });
    expect(await site.tags(name)).toEqual(['keep']);
  });

  test('are only shown by a dry run', async () => {
    const name = await copied(['keep', 'gone'], ['gone']);
    expect((await site.run({ isDryRun: true })).actions).toMatchObject([
      { action: 'delete', repository: name, reference: 'gone' },
    ]);
    expect(await site.tags(name)).toEqual(['gone', 'keep']);
  });
});

describe('a source that does not answer as it should', () => {
  const bad = { status: 500 };

  test.each([
    ['an empty catalogue', 'catalog', { status: 200, body: '{"repositories":[]}' }],
    ['a catalogue of null', 'catalog', { status: 200, body: '{"repositories":null}' }],
    ['a catalogue that is no JSON', 'catalog', { status: 200, body: '<html>' }],
    ['a catalogue that fails', 'catalog', bad],
    ['a catalogue that is refused', 'catalog', { status: 401 }],
    ['a catalogue that is forbidden', 'catalog', { status: 403 }],
    ['a catalogue that is not found', 'catalog', { status: 404 }],
    ['tags that are empty', 'tags/list', { status: 200, body: '{"tags":[]}' }],
    ['tags of null', 'tags/list', { status: 200, body: '{"tags":null}' }],
    ['tags that are no JSON', 'tags/list', { status: 200, body: 'down for maintenance' }],
    ['tags that fail', 'tags/list', bad],
    ['tags that are refused', 'tags/list', { status: 401 }],
    ['tags that are not found', 'tags/list', { status: 404 }],
    ['a tag that is refused', 'manifests/gone', { status: 401 }],
    ['a tag that fails', 'manifests/gone', bad],
  ])('deletes nothing: %s', async (_what, path, misdeed) => {
    const name = await copied(['keep', 'gone'], ['gone']);
    upstream.misbehave('GET', new RegExp(path), misdeed, 100);
    upstream.misbehave('HEAD', new RegExp(path), misdeed, 100);
    await site.run();
    expect(await site.tags(name)).toEqual(['gone', 'keep']);
  });

  test('deletes nothing if a later page of the listing fails', async () => {
    const name = await copied(['a', 'gone'], ['gone']);
    upstream.misbehave('GET', /tags\/list\?n=1000$/, {
      status: 200,
      body: '{"tags":["a"]}',
      headers: { Link: `</v2/${name}/tags/list?n=1000&last=a>; rel="next"` },
    });
    upstream.misbehave('GET', /last=a/, bad, 100);
    expect(await site.run()).toMatchObject({ error: '1 failed' });
    expect(await site.tags(name)).toEqual(['a', 'gone']);
  });

  test('deletes nothing if a repository has vanished from the catalogue but is only hidden', async () => {
    const name = await copied(['a'], ['a']);
    upstream.addImage(`${name}2`, 'other');
    upstream.hide(name, []);
    expect((await site.run()).actions).toContainEqual(expect.objectContaining({ action: 'fail', reference: 'a' }));
    expect(await site.tags(name)).toEqual(['a']);
  });

  test('is asked again only after the time that it asks for', async () => {
    await copied(['a']);
    upstream.misbehave('GET', /catalog/, { status: 429, headers: { 'Retry-After': '7200' } }, 100);
    const { error, name } = await site.run();
    expect(error).toBe('it limits how much may be pulled');
    const record = await site.metadata.syncEntries.find(name);
    expect((record?.retryAt ?? 0) - (record?.endedAt ?? 0)).toBe(7_200_000);
  });
});
