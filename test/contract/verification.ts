import { expect, test } from '@jest/globals';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import { newManifest as manifestOf } from '../support/new-manifest.ts';
import { type Plain, plain } from '../support/plain.ts';

const digest = (letter: string) => `sha256:${letter.repeat(64)}`;
const content = (letter: string) => ({ digest: digest(letter), sizeBytes: 5 });
const author = { actor: 'alice', address: '', at: 1 };

type Manifest = Parameters<Plain<MetadataStore>['manifests']['put']>[0];

/** Returns the record of a manifest without references and tags, and with the `fields`. */
const newManifest = (repository: string, letter: string, fields: Partial<Manifest> = {}) =>
  plain(manifestOf)({ repository, digest: digest(letter), now: 1, author, ...fields });

/** What a store promises about content that was verified, or found corrupt. */
export function testVerification(store: () => Plain<MetadataStore>): void {
  const push = (letter: string, now = 1) => store().blobs.commit('app', digest(letter), 5, 'none', now);
  /** `changes`: what was different when its bytes were read. */
  const quarantine = async (letter: string, changes: { readonly storedTimes?: number; readonly checkedAt?: number } = {}) => {
    const [found] = await store().contentChecks.findAll([digest(letter)]);
    const content = { digest: digest(letter), storedTimes: 1, checkedAt: 1, ...found, ...changes };
    const detail = '{"images":["app:1"]}';
    return store().corruptContent.quarantine({ content, problem: 'wrong_digest', now: 10, detail });
  };
  const events = async () =>
    (await store().audit.list({}, Number.MAX_SAFE_INTEGER, 100))
      .filter(({ action }) => action.startsWith('content.'))
      .map(({ action, target }) => `${action} ${target.slice(7, 8)}`);

  test('a blob in quarantine is not found, mounted or accepted in a manifest, and is still recorded', async () => {
    await push('a');
    expect(await quarantine('a')).toBe('new');
    expect([
      await store().blobs.findLink('app', digest('a')),
      await store().blobs.find(digest('a')),
      await store().reviews.findBlob('app', digest('a'), 1),
      await store().blobs.mount('app', 'other', digest('a'), author),
      await store().mirroredContent.linkBlob({ repository: 'ghcr.io/a', upstream: 'ghcr.io', byLogin: false }, digest('a'), 1),
    ]).toEqual([undefined, undefined, undefined, false, false]);
    expect((await store().manifests.put(newManifest('app', 'm', { blobs: [content('a')] }))).missing).toEqual([digest('a')]);
    expect(await store().blobs.isRecorded(digest('a'))).toBe(true);
  });

  test('a manifest in quarantine is not pulled, and can be named and deleted', async () => {
    await store().manifests.put(newManifest('app', 'm', { tags: ['1'] }));
    await quarantine('m');
    expect([
      await store().manifests.findIntactByTag('app', '1'),
      await store().manifests.findIntactByDigest('app', digest('m')),
    ]).toEqual([undefined, undefined]);
    expect((await store().manifests.findByTag('app', '1'))?.digest).toBe(digest('m'));
    const index = newManifest('app', 'n', { children: [{ digest: digest('m'), sizeBytes: 1 }] });
    expect((await store().manifests.put(index)).missing).toEqual([digest('m')]);
  });

  test('storing the bytes again ends the quarantine, and both are events', async () => {
    await push('a');
    await quarantine('a');
    expect([await quarantine('a'), await store().corruptContent.count(9)]).toEqual(['known', 1]);
    await push('a', 20);
    expect([await store().blobs.findLink('app', digest('a')), await store().corruptContent.count(9)]).toEqual([
      { sizeBytes: 5 },
      0,
    ]);
    expect(await events()).toEqual(['content.repaired a', 'content.corrupt a']);
  });

  test('a manifest that is pushed again leaves the quarantine', async () => {
    await store().manifests.put(newManifest('app', 'm', { tags: ['1'] }));
    await quarantine('m');
    await store().manifests.put(newManifest('app', 'm', { tags: ['1'] }));
    expect((await store().manifests.findIntactByTag('app', '1'))?.digest).toBe(digest('m'));
  });

  test('content that was stored again or deleted while it was read is not put into quarantine', async () => {
    await push('a');
    await push('a', 2);
    expect([await quarantine('a', { storedTimes: 1 }), await quarantine('b'), await quarantine('a', { checkedAt: 1 })]).toEqual([
      'gone',
      'gone',
      'gone',
    ]);
    expect(await quarantine('a')).toBe('new');
  });

  test('bytes that are found right end the quarantine', async () => {
    await push('a');
    await quarantine('a');
    expect(await store().corruptContent.listDue(11, 9)).toMatchObject([
      { digest: digest('a'), sizeBytes: 5, problem: 'wrong_digest', foundAt: 10, repairError: null },
    ]);
    await store().corruptContent.recordRepairError(digest('a'), 'no upstream');
    await store().corruptContent.touch(digest('a'), 30);
    expect([await store().corruptContent.listDue(30, 9), (await store().corruptContent.list('', 9))[0]?.repairError]).toEqual([
      [],
      'no upstream',
    ]);
    expect([await store().corruptContent.release(digest('a'), 40, 0), await store().corruptContent.count(9)]).toEqual([true, 0]);
    expect(await store().corruptContent.release(digest('a'), 41, 41)).toBe(false);
  });

  test('the quarantine of deleted content ends with it', async () => {
    await store().claims.take(digest('a'), 'writer', 1, 2);
    await push('a');
    await store().blobs.unlink('app', digest('a'), author);
    await quarantine('a');
    await store().collection.step({ now: 1e9, limit: 50, purger: 'one', until: 2e9 });
    expect([await store().blobs.isRecorded(digest('a')), await store().corruptContent.count(9)]).toEqual([false, 0]);
  });

  test('new content counts as checked, and content is listed longest unchecked first', async () => {
    for (const [letter, now] of Object.entries({ c: 1, a: 2, b: 3 })) await push(letter, now);
    const due = async (before: number, after?: { readonly checkedAt: number; readonly digest: string }) =>
      (await store().contentChecks.listDue(before, after, 9)).map((found) => found.digest.slice(7, 8));
    expect([await due(9), await due(3), await due(9, { checkedAt: 1, digest: digest('c') })]).toEqual([
      ['c', 'a', 'b'],
      ['c', 'a'],
      ['a', 'b'],
    ]);
    await store().contentChecks.record([digest('c'), digest('a')], 5);
    expect([await due(9), await store().contentChecks.findOldest()]).toEqual([['b', 'a', 'c'], 3]);
    expect(await store().contentChecks.countFirst(4, 2)).toEqual({ contents: 2, checked: 1 });
    expect(await store().contentChecks.sampleTimes([digest('0'), digest('b'), digest('f')])).toEqual([5, 3]);
    expect(await store().contentChecks.count()).toEqual({ contents: 3, bytes: 15 });
  });

  test('the content of a repository is its blobs and its manifests', async () => {
    await push('a');
    await store().blobs.commit('other', digest('b'), 5, 'none', 1);
    await store().manifests.put(newManifest('app', 'c', { blobs: [content('a')] }));
    const found = await store().contentChecks.listOfRepository('app', '', 9);
    expect(found.map((one) => one.digest)).toEqual([digest('a'), digest('c')]);
    expect(await store().contentChecks.listOfRepository('app', digest('a'), 9)).toHaveLength(1);
    expect(await store().contentChecks.listOfRepository('none', '', 9)).toEqual([]);
    expect(await store().contentChecks.findAll([digest('b'), digest('d'), digest('a')])).toMatchObject([
      content('a'),
      content('b'),
    ]);
  });

  test('every image with some content is named, with its tags and indexes', async () => {
    await push('a');
    await store().manifests.put(newManifest('app', 'm', { blobs: [content('a')], tags: ['1-amd64'] }));
    await store().manifests.put(
      newManifest('app', 'e', { children: [{ digest: digest('m'), sizeBytes: 1 }], tags: ['1', 'latest'] }),
    );
    await store().blobs.mount('app', 'other', digest('a'), author);
    await store().manifests.put(newManifest('other', 'f', { blobs: [content('a')] }));
    const affected = await store().affectedImages.list(digest('a'), 9);
    expect([...affected].sort((one, other) => (one.repository < other.repository ? -1 : 1))).toMatchObject([
      { repository: 'app', digest: digest('m'), tags: ['1-amd64'], indexes: [{ digest: digest('e'), tags: ['1', 'latest'] }] },
      { repository: 'other', digest: digest('f'), tags: [], indexes: [] },
    ]);
    expect(await store().affectedImages.list(digest('a'), 1)).toHaveLength(1);
    expect(await store().affectedImages.list(digest('b'), 1)).toEqual([]);
  });

  test('a verification that was asked for is kept with its progress until another replaces it', async () => {
    expect(await store().verifications.find()).toBeUndefined();
    const request = { depth: 'deep', percent: 100, pattern: null, requestedAt: 1, requestedBy: 'alice' } as const;
    await store().verifications.start(request, '{}');
    const progress = { position: null, checked: 3, corrupt: 1, unreadable: 0, endedAt: 5 };
    await store().verifications.advance(2, progress);
    expect(await store().verifications.find()).toEqual({
      ...request,
      position: '{}',
      checked: 0,
      corrupt: 0,
      unreadable: 0,
      endedAt: null,
    });
    await store().verifications.advance(1, progress);
    expect(await store().verifications.find()).toEqual({ ...request, ...progress });
    await store().verifications.start({ ...request, requestedAt: 7 }, '{}');
    expect(await store().verifications.find()).toMatchObject({ requestedAt: 7, checked: 0, endedAt: null });
  });
}
