import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Deletion } from '../../storage/metadata/queries/trash/deletions.ts';
import type { NewManifest } from '../../storage/metadata/queries/manifests.ts';
import { MetadataError, type MetadataStore } from '../../storage/metadata/store.ts';
import { type Plain, plain } from '../support/plain.ts';
import type { Digest } from '../../src/oci/digest.ts';
import type { RepositoryName } from '../../src/oci/reference.ts';
import { testEvents } from './events.ts';
import { testCollection } from './collection.ts';
import { testMirroredContent } from './mirrored-content.ts';
import { testTrash } from './trash.ts';
import { testPulls } from './pulls.ts';

/** An empty store. `reopen` gives another one over the same database, as another process would. */
export interface Database {
  readonly store: MetadataStore;
  reopen(): Promise<MetadataStore>;
  /** Marks the schema as one that only a newer berth knows. */
  pretendNewer(): Promise<void>;
  dispose(): Promise<void>;
}

const digest = (letter: string) => `sha256:${letter.repeat(64)}` as Digest;
const content = (letter: string, sizeBytes = 1) => ({ digest: digest(letter), sizeBytes });

const author = { actor: 'alice', address: '127.0.0.1', at: 2 };
const deletion = (repository: string, letter: string, fields: Partial<Deletion> = {}): Deletion => ({
  repository: repository as RepositoryName,
  digest: digest(letter),
  windowMilliseconds: 1000,
  reason: '',
  cause: 'delete',
  author,
  ...fields,
});

const newManifest = (repository: string, letter: string, fields: Partial<NewManifest> = {}): NewManifest => ({
  repository: repository as RepositoryName,
  digest: digest(letter),
  mediaType: 'type/m',
  sizeBytes: 1,
  artifactType: null,
  subject: null,
  annotations: null,
  blobs: [],
  children: [],
  acceptMissing: false,
  tags: [],
  now: 1,
  author,
  ...fields,
});

/** Every promise of `storage/metadata/store.ts` and of the queries, for one store. */
export function describeMetadataStore(name: string, make: () => Promise<Database>): void {
  describe(`metadata store ${name}`, () => {
    let database: Database;
    let store: Plain<MetadataStore>;

    beforeEach(async () => {
      database = await make();
      store = plain(database.store);
    });
    afterEach(async () => {
      await store.close();
      await database.dispose();
    });

    const blob = (repository: string, letter: string) => store.blobs.commit(repository, digest(letter), 1, 'no upload', 1);
    const manifest = (repository: string, letter: string, fields?: Partial<NewManifest>) =>
      store.manifests.put(newManifest(repository, letter, fields));

    test('an upload is found until it is committed or deleted', async () => {
      await store.uploads.create('u1', 'app', 'sha256', 5);
      await store.uploads.create('u2', 'app', 'sha512', 7);
      expect(await store.uploads.find('u1')).toEqual({
        id: 'u1',
        repository: 'app',
        algorithm: 'sha256',
        startedAt: 5,
        owner: '',
      });
      expect(await store.uploads.listStartedBefore(7, 10)).toEqual(['u1']);
      expect(await store.uploads.listStartedBefore(8, 1)).toEqual(['u1']);
      await store.blobs.commit('app', digest('a'), 3, 'u1', 6);
      await store.uploads.remove('u2');
      expect([await store.uploads.find('u1'), await store.uploads.find('u2')]).toEqual([undefined, undefined]);
      expect(await store.blobs.findLink('app', digest('a'))).toEqual({ sizeBytes: 3 });
    });

    test('a blob is found in the repositories that link it and in no other', async () => {
      await blob('one', 'a');
      expect([
        await store.blobs.mount('one', 'two', digest('a'), author),
        await store.blobs.mount('three', 'two', digest('a'), author),
      ]).toEqual([true, false]);
      expect([...(await store.blobs.listRepositories(digest('a'), 10))].sort()).toEqual(['one', 'two']);
      expect(await store.blobs.listRepositories(digest('a'), 1)).toHaveLength(1);
      expect(await store.blobs.unlink('one', digest('a'), author)).toEqual({ unlinked: true });
      expect([await store.blobs.findLink('one', digest('a')), await store.blobs.findLink('two', digest('a'))]).toEqual([
        undefined,
        { sizeBytes: 1 },
      ]);
      expect(await store.blobs.unlink('one', digest('a'), author)).toEqual({ unlinked: false });
    });

    test('a manifest is found by its digest and by the tag that was moved to it last', async () => {
      await manifest('app', 'm', { tags: ['x', 'y'] });
      await manifest('app', 'n', { tags: ['y'] });
      expect(await store.manifests.findByTag('app', 'x')).toEqual({ digest: digest('m'), mediaType: 'type/m', sizeBytes: 1 });
      expect((await store.manifests.findByTag('app', 'y'))?.digest).toBe(digest('n'));
      expect((await store.manifests.findByDigest('app', digest('m')))?.digest).toBe(digest('m'));
      expect([await store.manifests.findByTag('other', 'x'), await store.manifests.findByDigest('other', digest('m'))]).toEqual([
        undefined,
        undefined,
      ]);
    });

    test('putManifest names every reference that is missing or has another size, and changes nothing', async () => {
      await blob('app', 'a');
      const check = await manifest('app', 'm', {
        blobs: [content('a', 2), content('b'), content('c')],
        children: [content('d')],
        tags: ['x'],
      });
      expect(check).toEqual({ missing: [digest('b'), digest('c'), digest('d')], wrongSize: [digest('a')] });
      expect(await store.manifests.findByTag('app', 'x')).toBeUndefined();
      expect(await store.manifests.checkReferences('nobody', [content('a')], [])).toEqual({
        missing: [digest('a')],
        wrongSize: [],
      });
    });

    test('putManifest with acceptMissing accepts missing references but none with another size', async () => {
      await blob('app', 'a');
      expect((await manifest('app', 'm', { blobs: [content('b')], acceptMissing: true })).missing).toEqual([]);
      expect((await manifest('app', 'n', { blobs: [content('a', 2)], acceptMissing: true })).wrongSize).toEqual([digest('a')]);
      expect(await store.manifests.findByDigest('app', digest('n'))).toBeUndefined();
    });

    test('a manifest may have more references than a statement may have parameters', async () => {
      const many = Array.from({ length: 1700 }, (_, index) => ({
        digest: `sha256:${index.toString(16).padStart(64, '0')}` as Digest,
        sizeBytes: 1,
      }));
      const left = [...many];
      expect((await manifest('app', 'm', { blobs: many })).missing).toHaveLength(1700);
      while (left.length > 0) {
        await Promise.all(left.splice(0, 100).map((one) => store.blobs.commit('app', one.digest, 1, '', 1)));
      }
      expect((await manifest('app', 'm', { blobs: many })).missing).toEqual([]);
    });

    test('content that a manifest references cannot be deleted', async () => {
      await blob('app', 'a');
      await manifest('app', 'm', { blobs: [content('a')] });
      await manifest('app', 'i', { children: [content('m')] });
      expect(await store.blobs.unlink('app', digest('a'), author)).toEqual({ unlinked: false, neededBy: digest('m') });
      expect(await store.deletions.put(deletion('app', 'm'))).toEqual({ outcome: 'needed', neededBy: digest('i') });
      expect((await store.deletions.put(deletion('app', 'i'))).outcome).toBe('deleted');
      expect(await store.blobs.unlink('app', digest('a'), author)).toEqual({ unlinked: true });
      expect(await store.deletions.put(deletion('app', 'm'))).toEqual({ outcome: 'unknown' });
    });

    /** Runs both by turns first, on this store and on another one, as two processes would, thirty times. */
    async function race(
      work: (one: Plain<MetadataStore>, other: Plain<MetadataStore>, repository: string) => Promise<void>,
    ): Promise<void> {
      const second = plain(await database.reopen());
      try {
        for (let round = 0; round < 30; round++) {
          const [one, other] = round % 2 === 0 ? [store, second] : [second, store];
          await work(one, other, `race${round}`);
        }
      } finally {
        await second.close();
      }
    }

    test('a blob is never unlinked while a manifest that needs it arrives', () =>
      race(async (one, other, repository) => {
        await blob(repository, 'a');
        const [put, unlink] = await Promise.all([
          one.manifests.put(newManifest(repository, 'm', { blobs: [content('a')] })),
          other.blobs.unlink(repository, digest('a'), author),
        ]);
        expect(put.missing.length === 0).toBe(!unlink.unlinked);
      }));

    test('a manifest is never deleted while an index that needs it arrives', () =>
      race(async (one, other, repository) => {
        await manifest(repository, 'm', { tags: ['x'] });
        const [put, { outcome }] = await Promise.all([
          one.manifests.put(newManifest(repository, 'i', { children: [content('m')], tags: ['y'] })),
          other.deletions.put(deletion(repository, 'm')),
        ]);
        expect(put.missing.length === 0).toBe(outcome === 'needed');
        expect(await store.tags.list(repository, '', 10)).toEqual(outcome === 'deleted' ? [] : ['x', 'y']);
      }));

    test('a tag that moves while its old manifest is deleted points at the new one', () =>
      race(async (one, other, repository) => {
        await manifest(repository, 'm', { tags: ['x'] });
        await Promise.all([
          one.manifests.put(newManifest(repository, 'n', { tags: ['x'] })),
          other.deletions.put(deletion(repository, 'm')),
        ]);
        expect((await store.manifests.findByTag(repository, 'x'))?.digest).toBe(digest('n'));
      }));

    test('every acknowledged write of many writers in two processes is stored', async () => {
      const second = plain(await database.reopen());
      await Promise.all(
        Array.from({ length: 32 }, async (_, index) => {
          const writer = index % 2 === 0 ? store : second;
          const repository = `many${index % 4}`;
          for (const letter of ['a', 'b', 'c']) {
            await writer.blobs.commit(repository, digest(letter), 1, `u${index}`, index);
            await writer.manifests.put(
              newManifest(repository, 'm', { blobs: [content(letter)], tags: ['latest', `t${index}-${letter}`] }),
            );
          }
        }),
      );
      const tags = await Promise.all([0, 1, 2, 3].map((index) => second.tags.list(`many${index}`, '', 100)));
      expect(tags.map(({ length }) => length)).toEqual([25, 25, 25, 25]);
      await second.close();
    });

    test('the deletion of a manifest deletes its tags, and the deletion of a tag keeps the manifest', async () => {
      await manifest('app', 'm', { tags: ['x', 'y', 'z'] });
      expect([
        await store.tags.remove('app', 'x', author),
        await store.tags.remove('app', 'x', author),
        await store.tags.remove('nobody', 'y', author),
      ]).toEqual([true, false, false]);
      expect(await store.tags.list('app', '', 10)).toEqual(['y', 'z']);
      await store.deletions.put(deletion('app', 'm'));
      expect(await store.tags.list('app', '', 10)).toEqual([]);
      expect(await store.repositories.exists('app')).toBe(true);
    });

    test('listings are in ascending order of bytes, page by page', async () => {
      const tags = ['Z', '_', 'a', 'a-', 'a.b', 'aB', 'ab', 'v1', 'v10', 'v2'];
      await manifest('app', 'm', { tags: [...tags].reverse() });
      for (const repository of ['b', 'a/b', 'a-b', 'a']) await blob(repository, 'a');
      expect(await store.tags.list('app', '', 100)).toEqual(tags);
      expect(await store.tags.list('app', 'a-', 3)).toEqual(['a.b', 'aB', 'ab']);
      expect(await store.tags.list('app', "' OR 1=1 --", 2)).toEqual(['Z', '_']);
      expect(await store.repositories.list('', 100)).toEqual(['a', 'a-b', 'a/b', 'app', 'b']);
      expect(await store.repositories.list('a-b', 1)).toEqual(['a/b']);
    });

    test('referrers are listed by subject and artifact type', async () => {
      const subject = digest('s');
      await manifest('app', 'c', { subject, artifactType: 't/1', annotations: '{"k":"v"}' });
      await manifest('app', 'b', { subject, artifactType: 't/2' });
      await manifest('other', 'd', { subject, artifactType: 't/1' });
      const all = await store.manifests.listReferrers('app', subject, undefined, '', 10);
      expect(all.map((one) => [one.digest, one.artifactType, one.annotations])).toEqual([
        [digest('b'), 't/2', null],
        [digest('c'), 't/1', '{"k":"v"}'],
      ]);
      expect((await store.manifests.listReferrers('app', subject, 't/1', '', 10)).map((one) => one.digest)).toEqual([
        digest('c'),
      ]);
      expect((await store.manifests.listReferrers('app', subject, undefined, digest('b'), 10)).map((one) => one.digest)).toEqual([
        digest('c'),
      ]);
    });

    test('the sizes of referrers have the order of the listing', async () => {
      const subject = digest('s');
      await manifest('app', 'b', { subject, artifactType: 't/2', annotations: JSON.stringify({ large: 'ä'.repeat(5000) }) });
      await manifest('app', 'a', { subject, artifactType: 't/1' });
      const [small = 0, large = 0, ...none] = await store.manifests.listReferrerSizes('app', subject, undefined, '', 10);
      expect([large - small, none]).toEqual([10_012, []]);
      expect(await store.manifests.listReferrerSizes('app', subject, 't/1', '', 10)).toEqual([small]);
      expect(await store.manifests.listReferrerSizes('app', subject, undefined, '', 1)).toEqual([small]);
    });

    test('a lease has one holder until it is released or expires', async () => {
      expect([
        await store.leases.take('work', 'one', 100, 200),
        await store.leases.take('work', 'two', 150, 250),
        await store.leases.take('other work', 'two', 150, 250),
        await store.leases.take('work', 'one', 190, 290),
        await store.leases.take('work', 'two', 289, 389),
        await store.leases.take('work', 'two', 290, 390),
        await store.leases.take('work', 'one', 300, 400),
      ]).toEqual([true, false, true, true, false, true, false]);
      await store.leases.release('work', 'one');
      expect(await store.leases.take('work', 'one', 300, 400)).toBe(false);
      await store.leases.release('work', 'two');
      expect(await store.leases.take('work', 'one', 300, 400)).toBe(true);
      await store.leases.forget(400);
      expect([await store.leases.take('work', 'two', 0, 1), await store.leases.take('other work', 'one', 0, 1)]).toEqual([
        false,
        true,
      ]);
    });

    test('the holder of a lease can leave a message for waiting processes', async () => {
      await store.leases.take('work', 'one', 100, 200, 'half');
      expect([
        await store.leases.find('work', 199),
        await store.leases.find('work', 200),
        await store.leases.find('other', 100),
      ]).toEqual([{ note: 'half' }, undefined, undefined]);
      await store.leases.take('work', 'one', 150, 250);
      expect(await store.leases.find('work', 150)).toEqual({ note: null });
    });

    test('the holder of a lease learns that it is wanted, and the next holder does not', async () => {
      await store.leases.take('work', 'one', 100, 200);
      expect(await store.leases.findState('work')).toEqual({ heldUntil: 200, wanted: false });
      await store.leases.request('work');
      await store.leases.take('work', 'one', 150, 250);
      expect(await store.leases.findState('work')).toEqual({ heldUntil: 250, wanted: true });
      await store.leases.take('work', 'two', 300, 400);
      expect([await store.leases.findState('work'), await store.leases.findState('other')]).toEqual([
        { heldUntil: 400, wanted: false },
        undefined,
      ]);
    });

    test('a lease can be taken before its end if its holder has not renewed it meanwhile', async () => {
      await store.leases.take('work', 'one', 4000, 5000);
      expect([
        await store.leases.take('work', 'two', 100, 200, null, 4999),
        await store.leases.take('work', 'two', 100, 200, null, 5000),
        await store.leases.findState('work'),
      ]).toEqual([false, true, { heldUntil: 200, wanted: false }]);
    });

    test('exactly one of many concurrent requests for a lease in two processes succeeds', () =>
      race(async (one, other, name) => {
        const takers = Array.from({ length: 8 }, (_, index) => (index % 2 === 0 ? one : other));
        const taken = await Promise.all(takers.map((taker, index) => taker.leases.take(name, `h${index}`, 1, 2)));
        expect(taken.filter(Boolean)).toHaveLength(1);
      }));

    test('concurrent logins of one subject in two processes make one account, whose name no other subject gets', () =>
      race(async (one, other, name) => {
        const event = { at: 1, actor: name, address: '', action: 'user.create', target: name, result: 'done' } as const;
        const created = await Promise.all(
          [one, other, one, other].map((store) => store.accounts.createForSubject(name, 'issuer', `s-${name}`, event)),
        );
        const ids = created.map((account) => account?.id);
        const account = await one.accounts.findByName(name);
        expect([new Set(ids).size, ids[0]]).toEqual([1, account?.id]);
        expect(await other.accounts.createForSubject(name, 'issuer', 'another', event)).toBeUndefined();
        expect(await other.accounts.createForSubject(name, 'another issuer', `s-${name}`, event)).toBeUndefined();
      }));

    test('the deletion of an account deletes its subject', async () => {
      const event = { at: 1, actor: 'a', address: '', action: 'user.create', target: 'a', result: 'done' } as const;
      const { id = 0 } = (await store.accounts.createForSubject('a', 'issuer', 'subject', event)) ?? {};
      expect(await store.accounts.findBySubject('issuer', 'subject')).toBe(id);
      await store.accounts.remove(id, { ...event, action: 'account.delete' });
      expect(await store.accounts.findBySubject('issuer', 'subject')).toBeUndefined();
    });

    test('a failed write changes nothing and fails no concurrent write', async () => {
      await store.uploads.create('taken', 'app', 'sha256', 1);
      const outcomes = await Promise.allSettled([
        store.uploads.create('one', 'app', 'sha256', 1),
        store.uploads.create('taken', 'app', 'sha256', 1),
        store.uploads.create('two', 'app', 'sha256', 1),
      ]);
      expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
      expect((await store.uploads.find('two'))?.id).toBe('two');
    });

    test('a read sees every resolved write of every process', async () => {
      const other = plain(await database.reopen());
      for (let round = 0; round < 20; round++) {
        await store.uploads.create(`u${round}`, 'app', 'sha256', 1);
        expect((await other.uploads.find(`u${round}`))?.id).toBe(`u${round}`);
      }
      await Promise.all([other.uploads.create('mine', 'app', 'sha256', 1), store.uploads.create('yours', 'app', 'sha256', 1)]);
      expect([(await store.uploads.find('mine'))?.id, (await other.uploads.find('yours'))?.id]).toEqual(['mine', 'yours']);
      await other.close();
    });

    test('several processes can open the store at the same time', async () => {
      const others = await Promise.all(Array.from({ length: 4 }, async () => plain(await database.reopen())));
      await Promise.all(others.map((other, index) => other.uploads.create(`u${index}`, 'app', 'sha256', 1)));
      expect(await store.uploads.listStartedBefore(2, 10)).toHaveLength(4);
      await Promise.all(others.map((other) => other.close()));
    });

    test('close waits for running writes, and every later call rejects closed', async () => {
      const other = plain(await database.reopen());
      const writes = Array.from({ length: 50 }, (_, index) => other.uploads.create(`u${index}`, 'app', 'sha256', 1));
      await other.close();
      await Promise.all(writes);
      expect(await store.uploads.listStartedBefore(2, 100)).toHaveLength(50);
      await expect(other.uploads.find('u1')).rejects.toMatchObject({ code: 'closed' });
      await expect(other.uploads.remove('u1')).rejects.toMatchObject({ code: 'closed' });
      await other.close();
    });

    test('a newer schema is refused with a message that says what to do', async () => {
      await database.pretendNewer();
      const refusal = await database.reopen().catch((error: unknown) => error);
      expect(refusal).toBeInstanceOf(MetadataError);
      expect((refusal as MetadataError).code).toBe('newer_schema');
      expect((refusal as MetadataError).message).toContain('run the berth that wrote it');
    });

    test('check resolves for an open store', async () => {
      await store.check();
    });

    test('repositories are found by a part of their names, also if it has a wildcard of the database', async () => {
      for (const name of ['a_b', 'axb', 'team/a_b']) await blob(name, 'a');
      expect(await store.repositories.search('a_b', 9)).toEqual(['a_b', 'team/a_b']);
      expect(await store.repositories.search('', 2)).toEqual(['a_b', 'axb']);
      for (const text of ['%', '\\', "'"]) expect(await store.repositories.search(text, 9)).toEqual([]);
    });

    test('the annotations of a repository are those of the tag latest, or of its last tag', async () => {
      await manifest('app', 'a', { tags: ['1', 'y'], annotations: '{"of":"a"}' });
      expect(await store.manifests.findAnnotations('app')).toEqual({ annotations: '{"of":"a"}' });
      await manifest('app', 'b', { tags: ['latest'], annotations: '{"of":"b"}' });
      expect(await store.manifests.findAnnotations('app')).toEqual({ annotations: '{"of":"b"}' });
      expect(await store.manifests.findAnnotations('none')).toBeUndefined();
      await manifest('app', 'c', { tags: ['latest'], annotations: JSON.stringify({ large: 'ä'.repeat(40_000) }) });
      expect(await store.manifests.findAnnotations('app')).toEqual({ annotations: null });
    });

    testEvents(() => store);
    testMirroredContent(() => store);
    testCollection(() => store);
    testTrash(() => store);
    testPulls(() => store, manifest);
  });
}
