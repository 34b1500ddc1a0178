import { describe, expect, test } from '@jest/globals';
import type { Plain } from '../support/plain.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';

type Store = Plain<MetadataStore>;
type Manifest = Parameters<Store['manifests']['put']>[0];
type Deletion = Parameters<Store['deletions']['put']>[0];
type Restoration = Parameters<Store['restorations']['put']>[0];

const digest = (name: string) => `sha256:${Buffer.from(name).toString('hex').padEnd(64, '0')}`;
const alice = { actor: 'alice', address: '', at: 10 };
const bob = { actor: 'bob', address: '', at: 20 };
const names = (digests: readonly string[]) =>
  digests.map((text) => Buffer.from(text.slice(7).replace(/(?:00)+$/, ''), 'hex').toString()).sort();

const subjectTag = (name: string, suffix = '') => `sha256-${digest(name).slice(7)}${suffix}`;

/** Returns functions that write to the repository `app` and read from it. */
const actionsOn = (store: () => Store) => {
  const manifest = (name: string, fields: Partial<Manifest> & { readonly contains?: readonly string[] } = {}) => {
    const { contains = [], ...others } = fields;
    return store().manifests.put({
      repository: 'app',
      digest: digest(name),
      mediaType: 'type/m',
      sizeBytes: 1,
      artifactType: null,
      subject: null,
      annotations: '{"k":"v"}',
      blobs: [],
      children: contains.map((child) => ({ digest: digest(child), sizeBytes: 1 })),
      acceptMissing: false,
      tags: [],
      author: { ...alice, at: 1 },
      now: 1,
      ...others,
    });
  };
  const deletion = (name: string, fields: Partial<Deletion> = {}): Deletion => ({
    repository: 'app',
    digest: digest(name),
    windowMilliseconds: 1000,
    reason: '',
    cause: 'delete',
    author: alice,
    ...fields,
  });
  const remove = async (name: string, fields?: Partial<Deletion>) => {
    const result = await store().deletions.put(deletion(name, fields));
    if (result.outcome !== 'deleted') throw new Error(`not deleted: ${JSON.stringify(result)}`);
    return { entryId: result.entryId ?? 0, gone: names(result.removal.manifests), tags: result.removal.tags };
  };
  const restore = (entryId: number, fields: Partial<Restoration> = {}) =>
    store().restorations.put({
      repository: 'app',
      entryId,
      renames: {},
      movedTags: 'refuse',
      acceptMissing: false,
      author: bob,
      ...fields,
    });
  const isLive = async (name: string) => (await store().manifests.findByDigest('app', digest(name))) !== undefined;
  const livingOf = async (all: readonly string[]) => {
    const found = await Promise.all(all.map(isLive));
    return all.filter((_name, index) => found[index]);
  };
  const target = async (tag: string) => (await store().manifests.findByTag('app', tag))?.digest;
  const entries = () => store().trash.list(undefined, Number.MAX_SAFE_INTEGER, 100, 20);
  return { manifest, deletion, remove, restore, isLive, livingOf, target, entries };
};

function testDependants(store: () => Store): void {
  const { manifest, deletion, remove, isLive, livingOf, entries } = actionsOn(store);

  describe('what goes along with a deleted manifest', () => {
    test('children live while any parent does', async () => {
      for (const name of ['amd', 'arm']) await manifest(name);
      await manifest('one', { contains: ['amd', 'arm'], tags: ['1'] });
      await manifest('two', { contains: ['amd'], tags: ['2'] });
      await manifest('nested', { contains: ['two'], tags: ['n'] });
      expect((await remove('one')).gone).toEqual(['arm', 'one']);
      expect(await store().deletions.put(deletion('two'))).toEqual({ outcome: 'needed', neededBy: digest('nested') });
      await store().tags.remove('app', '2', alice);
      expect((await remove('nested')).gone).toEqual(['amd', 'nested', 'two']);
    });

    test('referrers go with their subject, recursively; if the subject was never here, they stay', async () => {
      await manifest('image', { tags: ['1'] });
      await manifest('sbom', { subject: digest('image') });
      await manifest('signature', { subject: digest('sbom') });
      await manifest('tagged', { subject: digest('image'), tags: ['keep'] });
      await manifest('elsewhere', { subject: digest('never') });
      await manifest('index', { contains: ['elsewhere'] });
      expect((await remove('image')).gone).toEqual(['image', 'sbom', 'signature']);
      expect((await remove('index')).gone).toEqual(['index']);
      expect(await livingOf(['tagged', 'elsewhere'])).toEqual(['tagged', 'elsewhere']);
    });

    test('the tags of cosign and the referrers fallback tag follow their subject', async () => {
      await manifest('image', { tags: ['1'] });
      await manifest('signature', { tags: [subjectTag('image', '.sig')] });
      await manifest('countersignature', { tags: [subjectTag('signature', '.sig')] });
      await manifest('attestation', { tags: [subjectTag('image', '.att'), 'kept'] });
      await manifest('referrer', { subject: digest('image') });
      await manifest('fallback', { contains: ['referrer'], tags: [subjectTag('image')] });
      await manifest('foreign', { tags: [subjectTag('never', '.sig')] });
      const { gone, tags } = await remove('image');
      expect(gone).toEqual(['countersignature', 'fallback', 'image', 'referrer', 'signature']);
      expect(tags.map(({ name }) => name)).toContain(subjectTag('image', '.att'));
      expect(await store().tags.list('app', '', 10)).toEqual(['kept', subjectTag('never', '.sig')]);
    });

    test('a dependant with a hold stays until the hold ends', async () => {
      for (const name of ['a', 'b']) await manifest(name);
      await manifest('index', { contains: ['a', 'b'] });
      for (const [name, until] of [
        ['a', null],
        ['b', 10],
      ] as const)
        await store().holds.put({ repository: 'app', digest: digest(name), reason: 'audit', until, author: alice });
      expect((await remove('index')).gone).toEqual(['b', 'index']);
      expect(await isLive('a')).toBe(true);
    });

    test('a preview writes nothing and names exactly what the deletion takes', async () => {
      await manifest('child');
      await manifest('index', { contains: ['child'], tags: ['1', '2'] });
      const preview = await store().deletions.preview('app', digest('index'), 10);
      expect([await livingOf(['child', 'index']), await entries()]).toEqual([['child', 'index'], []]);
      const result = await store().deletions.put(deletion('index'));
      expect(preview).toEqual({ ...result, entryId: null });
    });

    test('a deletion that expects a plan changes nothing if a tag has moved between', async () => {
      await manifest('child');
      await manifest('index', { contains: ['child'], tags: ['1', '2'] });
      const plan = await store().deletions.preview('app', digest('index'), 10);
      const expected = plan.outcome === 'deleted' ? plan.removal : undefined;
      await manifest('other', { tags: ['2'] });
      const result = await store().deletions.put(deletion('index', { expected }));
      expect(result).toMatchObject({ outcome: 'changed', removal: { tags: [{ name: '1', digest: digest('index') }] } });
      expect(await livingOf(['child', 'index'])).toEqual(['child', 'index']);
    });

    test('a deletion says which tags are not among the deletable ones, and changes nothing', async () => {
      await manifest('m', { tags: ['a', 'b'] });
      expect(await store().deletions.put(deletion('m', { deletableTags: ['a'] }))).toEqual({ outcome: 'tagged', tags: ['b'] });
      expect(await isLive('m')).toBe(true);
    });

    test('mirrored content is deleted at once, and alone', async () => {
      await store().mirroredContent.recordManifest({
        repository: 'docker.io/a',
        upstream: 'docker.io',
        byLogin: false,
        digest: digest('m'),
        mediaType: 'type/m',
        sizeBytes: 1,
        artifactType: null,
        subject: null,
        annotations: null,
        tags: [],
        promises: [],
        now: 1,
      });
      const preview = await store().deletions.preview('docker.io/a', digest('m'), 10);
      expect(await store().deletions.put(deletion('m', { repository: 'docker.io/a' }))).toEqual(preview);
      expect(await entries()).toEqual([]);
    });
  });
}

function testRestorations(store: () => Store): void {
  const { manifest, deletion, remove, restore, isLive, livingOf, target, entries } = actionsOn(store);

  describe('restoration from the trash', () => {
    test('restore brings back the whole entry as it was', async () => {
      await store().blobs.commit('app', digest('layer'), 1, '', 1);
      await manifest('child', { blobs: [{ digest: digest('layer'), sizeBytes: 1 }] });
      await manifest('index', { contains: ['child'], tags: ['1', '2'] });
      await manifest('signature', { subject: digest('index'), artifactType: 'sig' });
      const before = await store().manifests.listReferrers('app', digest('index'), undefined, '', 10);
      const { entryId } = await remove('index');
      expect(await livingOf(['index', 'child', 'signature'])).toEqual([]);
      expect(await store().blobs.findLink('app', digest('layer'))).toEqual({ sizeBytes: 1 });
      expect(await restore(entryId)).toMatchObject({ outcome: 'restored', manifests: 3, left: [] });
      expect(await store().manifests.listReferrers('app', digest('index'), undefined, '', 10)).toEqual(before);
      expect([await target('1'), await target('2')]).toEqual([digest('index'), digest('index')]);
      expect(await store().deletions.put(deletion('child'))).toMatchObject({ outcome: 'needed' });
      expect([await entries(), await restore(entryId)]).toEqual([[], { outcome: 'unknown' }]);
    });

    test('a deletion and a restoration record one event for each manifest, with its tags', async () => {
      await manifest('image', { tags: ['1'] });
      await manifest('signature', { tags: [subjectTag('image', '.sig'), 'kept'] });
      await manifest('referrer', { subject: digest('image') });
      const { entryId } = await remove('image');
      await restore(entryId);
      const events = (await store().events.list(0, Number.MAX_SAFE_INTEGER, 100)).slice(3);
      const sig = subjectTag('image', '.sig');
      expect(events.map(({ kind, content }) => [kind, names([content?.digest ?? ''])[0], content?.tags])).toEqual([
        ['tag.delete', 'signature', [{ name: sig, before: digest('signature') }]],
        ['manifest.delete', 'image', [{ name: '1', before: digest('image') }]],
        ['manifest.delete', 'referrer', []],
        ['tag.restore', 'signature', [{ name: sig, before: null }]],
        ['manifest.restore', 'image', [{ name: '1', before: null }]],
        ['manifest.restore', 'referrer', []],
      ]);
    });

    test('restore is refused where a tag has moved since, unless it gets another name', async () => {
      await manifest('old', { tags: ['1', '2'] });
      const { entryId } = await remove('old');
      await manifest('new', { tags: ['1'] });
      expect(await restore(entryId)).toEqual({ outcome: 'moved', tags: [{ name: '1', digest: digest('new') }] });
      expect([await isLive('old'), await target('2')]).toEqual([false, undefined]);
      expect(await restore(entryId, { renames: { '1': '1-old' } })).toMatchObject({ outcome: 'restored' });
      expect([await target('1'), await target('1-old'), await target('2')]).toEqual(['new', 'old', 'old'].map(digest));
    });

    test('restore is refused where a blob has been deleted since', async () => {
      await store().blobs.commit('app', digest('layer'), 1, '', 1);
      await manifest('m', { blobs: [{ digest: digest('layer'), sizeBytes: 1 }], tags: ['1'] });
      const { entryId } = await remove('m');
      await store().blobs.unlink('app', digest('layer'), alice);
      expect(await restore(entryId)).toEqual({ outcome: 'missing', digests: [digest('layer')] });
      expect(await isLive('m')).toBe(false);
    });

    test('restore brings back children that went with another entry', async () => {
      await manifest('child');
      await manifest('one', { contains: ['child'], tags: ['1'] });
      await manifest('two', { contains: ['child'], tags: ['2'] });
      const one = await remove('one');
      const two = await remove('two');
      expect([one.gone, two.gone]).toEqual([['one'], ['child', 'two']]);
      expect(await restore(one.entryId)).toMatchObject({ outcome: 'restored', manifests: 2 });
      expect(await restore(two.entryId)).toMatchObject({ outcome: 'restored', manifests: 1 });
      expect(await livingOf(['one', 'two', 'child'])).toEqual(['one', 'two', 'child']);
    });

    test('pushing a trashed digest revives it', async () => {
      await manifest('child');
      await manifest('index', { contains: ['child'], tags: ['1'] });
      const { entryId } = await remove('index');
      await manifest('child');
      expect(await isLive('child')).toBe(true);
      expect(await store().trash.findByDigest('app', digest('child'), 20)).toBeUndefined();
      expect(await restore(entryId)).toMatchObject({ outcome: 'restored', manifests: 1 });
      expect(await store().deletions.put(deletion('child'))).toMatchObject({ outcome: 'needed' });
    });

    test('an entry can be restored until its window ends, and not after', async () => {
      await manifest('m', { tags: ['1'] });
      const { entryId } = await remove('m');
      expect(await restore(entryId, { author: { ...bob, at: 1010 } })).toEqual({ outcome: 'unknown' });
      expect([await store().trash.isDue(1009), await store().trash.isDue(1010)]).toEqual([false, true]);
      expect(await store().trash.purge(1009, 10)).toBeUndefined();
      expect(await store().trash.purge(1010, 10)).toBe(1);
      expect(await store().trash.purge(1010, 10)).toBeUndefined();
    });
  });
}

function testEntries(store: () => Store): void {
  const { manifest, remove, restore, isLive, entries } = actionsOn(store);

  describe('the trash', () => {
    test('an entry is purged in steps, and cannot be restored between them', async () => {
      for (const name of ['a', 'b', 'c']) await manifest(name);
      await manifest('index', { contains: ['a', 'b', 'c'] });
      const { entryId } = await remove('index');
      expect(await store().trash.expire('app', [entryId], bob)).toMatchObject([{ id: entryId, manifests: 4 }]);
      expect(await store().trash.purge(20, 3)).toBe(3);
      expect(await restore(entryId)).toEqual({ outcome: 'unknown' });
      expect([await store().trash.purge(20, 3), await store().trash.purge(20, 3)]).toEqual([1, undefined]);
    });

    test('emptying the trash takes blobs out of the repository that nothing else there needs', async () => {
      for (const name of ['own', 'shared', 'trashed']) await store().blobs.commit('app', digest(name), 1, '', 1);
      const blobs = (...layers: readonly string[]) => layers.map((name) => ({ digest: digest(name), sizeBytes: 1 }));
      await manifest('m', { blobs: blobs('own', 'shared', 'trashed') });
      await manifest('live', { blobs: blobs('shared') });
      await manifest('other', { blobs: blobs('trashed') });
      const { entryId } = await remove('m');
      await remove('other');
      await store().trash.expire('app', [entryId], bob);
      await store().trash.purge(20, 10);
      const links = await Promise.all(['own', 'shared', 'trashed'].map((name) => store().blobs.findLink('app', digest(name))));
      expect(links).toEqual([undefined, { sizeBytes: 1 }, { sizeBytes: 1 }]);
    });

    test('without a window nothing can be restored', async () => {
      await manifest('child');
      await manifest('index', { contains: ['child'] });
      const { entryId, gone } = await remove('index', { windowMilliseconds: 0 });
      expect([entryId, gone, await entries()]).toEqual([0, ['child', 'index'], []]);
      expect(await isLive('child')).toBe(false);
    });

    test('the trash is listed newest first, in pages, for one repository or for all', async () => {
      for (const repository of ['app', 'b']) {
        for (const name of ['m', 'n']) {
          await manifest(name, { repository, tags: [name] });
          await remove(name, { repository, reason: `no ${name}` });
        }
      }
      const all = await entries();
      expect(all.map(({ repository, reason }) => `${repository} ${reason}`)).toEqual([
        'b no n',
        'b no m',
        'app no n',
        'app no m',
      ]);
      expect(await store().trash.list('app', Number.MAX_SAFE_INTEGER, 1, 20)).toEqual([
        {
          id: all[2]?.id,
          repository: 'app',
          digest: digest('n'),
          manifests: 1,
          deletedAt: 10,
          purgeAt: 1010,
          actor: 'alice',
          reason: 'no n',
          cause: 'delete',
        },
      ]);
      expect(await store().trash.list('app', all[2]?.id ?? 0, 10, 20)).toEqual([all[3]]);
      const ids = all.map(({ id }) => id);
      expect((await store().trash.listFirstTags(ids, 10)).get(ids[0] ?? 0)).toEqual(['n']);
      expect(await store().trash.list(undefined, Number.MAX_SAFE_INTEGER, 10, 1010)).toEqual([]);
    });

    test('the mirror keeps the bytes of a manifest that is in the trash', async () => {
      await manifest('m');
      await remove('m');
      expect(await store().mirrorSpace.evict(digest('m'), 1)).toBe(false);
      expect(await store().blobs.find(digest('m'))).toBeDefined();
    });
  });
}

/** What a store promises about deletion, the trash, holds and the history of tags. */
export function testTrash(store: () => Store): void {
  testDependants(store);
  testRestorations(store);
  testEntries(store);
}
