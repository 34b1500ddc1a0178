import { expect, test } from '@jest/globals';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import type { Plain } from '../support/plain.ts';

const digest = (letter: string) => `sha256:${letter.repeat(64)}`;
const delay = 7_200_000;
const author = { actor: 'alice', address: '', at: 1 };

/** What a store promises about garbage collection. */
export function testCollection(store: () => Plain<MetadataStore>): void {
  const step = (now: number, purger = 'one') => store().collection.step({ now, limit: 50, purger, until: now + 60_000 });

  test('an upload that no manifest needs is unlinked and purged after the delay', async () => {
    await store().blobs.commit('app', digest('a'), 5, 'none', 1);
    expect(await step(delay)).toEqual({ reviewed: 0, unlinked: 0, purges: [], untagged: [] });
    expect(await step(delay + 1)).toEqual({ reviewed: 1, unlinked: 1, purges: [], untagged: [] });
    expect((await store().events.list(0, 1000, 10)).map(({ kind, actor, content }) => [kind, actor, content?.digest])).toEqual([
      ['blob.delete', 'garbage collection', digest('a')],
    ]);
    expect(await step(delay + 1)).toEqual({
      reviewed: 1,
      unlinked: 0,
      untagged: [],
      purges: [{ digest: digest('a'), sizeBytes: 5, failures: 0, mayReturn: false }],
    });
    expect([await store().blobs.find(digest('a')), await store().collection.isPurging(digest('a'), 'one')]).toEqual([
      undefined,
      true,
    ]);
    expect(await store().claims.take(digest('a'), 'writer', delay + 2, delay + 3)).toBe(false);
    await store().collection.finishPurges('one', [{ digest: digest('a'), mayReturn: false }], delay + 60_001, delay + 2);
    const { purgedAt, purgedBlobs, purgedBytes } = await store().collectionState.find();
    expect([purgedAt, purgedBlobs, purgedBytes]).toEqual([delay + 2, 1, 5]);
    expect(await store().claims.take(digest('a'), 'writer', delay + 2, delay + 3)).toBe(true);
  });

  test('a claim keeps bytes from a purge, and ends with the record', async () => {
    expect(await store().claims.take(digest('a'), 'writer', 1, 2 * delay)).toBe(true);
    expect((await step(delay + 1)).purges).toEqual([]);
    await store().claims.renew(digest('a'), 'writer', 3 * delay);
    expect((await step(2 * delay)).purges).toEqual([]);
    expect(await store().blobs.commit('app', digest('a'), 5, 'none', 1, 'writer')).toBe(true);
    expect([
      await store().claims.isClaimed(digest('a')),
      await store().blobs.commit('app', digest('a'), 5, '', 1, 'writer'),
    ]).toEqual([false, false]);
  });

  test('a claim that is over is taken away by the purge, and cannot be renewed', async () => {
    await store().claims.take(digest('a'), 'writer', 1, 2);
    expect((await step(delay + 1)).purges).toHaveLength(1);
    await store().claims.renew(digest('a'), 'writer', 9 * delay);
    expect(await store().blobs.commit('app', digest('a'), 5, 'none', delay, 'writer')).toBe(false);
    expect(await store().blobs.find(digest('a'))).toBeUndefined();
  });

  test('bytes of a writer that stood still for longer than its claim are looked for again a day later', async () => {
    await store().claims.take(digest('a'), 'writer', 1, 2);
    const { purges } = await step(delay + 1);
    await store().collection.finishPurges('one', purges, delay + 60_001, delay + 2);
    const day = 24 * 3_600_000;
    expect((await step(delay + 180_001 + day - 1)).purges).toEqual([]);
    const [again] = (await step(delay + 180_001 + day)).purges;
    expect(again).toEqual({ digest: digest('a'), sizeBytes: 0, failures: 0, mayReturn: false });
    await store().collection.finishPurges('one', again ? [again] : [], delay + 240_001 + day, delay + 9);
    expect(await step(9 * day)).toMatchObject({ reviewed: 0 });
  });

  test('they are also looked for if another collector goes on with the deletion', async () => {
    await store().claims.take(digest('a'), 'writer', 1, 2);
    expect((await step(delay + 1, 'one')).purges).toMatchObject([{ mayReturn: true }]);
    const { purges } = await step(delay + 180_002, 'two');
    expect(purges).toMatchObject([{ mayReturn: true }]);
    await store().collection.finishPurges('two', purges, delay + 240_002, delay + 180_003);
    expect((await step(9 * 24 * 3_600_000, 'two')).purges).toHaveLength(1);
  });

  test('they are also looked for if another writer has pushed them meanwhile, and they were deleted once more', async () => {
    await store().claims.take(digest('a'), 'late', 1, 2);
    const { purges } = await step(delay + 1);
    await store().collection.finishPurges('one', purges, delay + 60_001, delay + 2);
    const day = 24 * 3_600_000;
    const until = delay + 180_001 + day;
    await store().claims.take(digest('a'), 'other', delay + 3, delay + 4);
    expect(await store().blobs.commit('app', digest('a'), 5, 'none', delay + 4, 'other')).toBe(true);
    // A look while the bytes are needed does not end the wait either.
    await store().reviews.addForBytes([digest('a')], delay + 5);
    expect(await step(delay + 5)).toMatchObject({ reviewed: 1, purges: [] });
    expect(await step(until - 1)).toMatchObject({ unlinked: 1, purges: [] });
    await store().reviews.addForBytes([digest('a')], until - 1);
    const again = (await step(until - 1)).purges;
    expect(again).toMatchObject([{ sizeBytes: 5, mayReturn: true }]);
    await store().collection.finishPurges('one', again, until + 59_999, until);
    expect((await step(until + 179_999 + day)).purges).toMatchObject([{ sizeBytes: 0, mayReturn: false }]);
  });

  test('they are also looked for if a writer or another collector has changed the review before the deletion ended', async () => {
    await store().claims.take(digest('a'), 'late', 1, 2);
    const { purges } = await step(delay + 1);
    expect(await store().blobs.commit('app', digest('a'), 5, 'none', delay + 2, 'late')).toBe(false);
    await store().collection.finishPurges('one', purges, delay + 60_001, delay + 2);
    expect((await step(3 * delay)).purges).toMatchObject([{ mayReturn: true }]);
  });

  test('another collector takes a purge over only when no request of the first one can be on its way', async () => {
    await store().claims.take(digest('a'), 'writer', 1, 2);
    await step(delay + 1);
    expect((await step(delay + 180_000, 'two')).purges).toEqual([]);
    expect((await step(delay + 180_002, 'two')).purges).toHaveLength(1);
    expect([
      await store().collection.isPurging(digest('a'), 'one'),
      await store().collection.isPurging(digest('a'), 'two'),
    ]).toEqual([false, true]);
  });

  test('what a manifest, the trash or another repository needs stays', async () => {
    for (const letter of ['a', 'b']) await store().blobs.commit('app', digest(letter), 5, 'none', 1);
    await store().blobs.mount('app', 'other', digest('b'), author);
    const facts = { repository: 'app', digest: digest('c'), mediaType: 'm', sizeBytes: 7, artifactType: null, subject: null };
    const content = { blobs: [{ digest: digest('a'), sizeBytes: 5 }], children: [], acceptMissing: false, tags: ['x'] };
    await store().manifests.put({ ...facts, ...content, annotations: null, now: 1, author });
    const deletion = {
      repository: 'app',
      digest: digest('c'),
      windowMilliseconds: 9 * delay,
      reason: '',
      cause: 'delete',
    } as const;
    await store().deletions.put({ ...deletion, author });
    expect(await step(delay + 1)).toMatchObject({ unlinked: 2, purges: [] });
    expect((await step(delay + 1)).purges.map((purge) => purge.digest)).toEqual([digest('b')]);
    while (((await store().trash.purge(20 * delay, 10)) ?? 0) > 0);
    for (let turn = 0; turn < 3; turn++) await step(22 * delay);
    expect([await store().blobs.find(digest('a')), await store().blobs.find(digest('c'))]).toEqual([undefined, undefined]);
  });

  test('HEAD postpones a review that is due within the grace', async () => {
    await store().blobs.commit('app', digest('a'), 5, 'none', 1);
    expect(await store().reviews.findBlob('app', digest('a'), 1)).toEqual({ sizeBytes: 5, isExpiring: false });
    expect(await store().reviews.findBlob('app', digest('a'), delay - 1)).toEqual({ sizeBytes: 5, isExpiring: true });
    expect(await store().reviews.postpone('app', digest('a'), delay - 1)).toBe(true);
    expect(await step(delay + 1)).toMatchObject({ reviewed: 0 });
    expect(await store().reviews.postpone('app', digest('b'), delay)).toBe(false);
  });

  test('HEAD of a manifest postpones its review if that is due within the grace', async () => {
    await store().collectionState.configure(delay, delay);
    const facts = { mediaType: 'm', sizeBytes: 7, artifactType: null, subject: null, annotations: null, now: 1, author };
    const content = { repository: 'app', blobs: [], children: [], acceptMissing: false };
    for (const [letter, tags] of [
      ['c', []],
      ['d', ['x']],
    ] as const)
      await store().manifests.put({ ...facts, ...content, digest: digest(letter), tags });
    const find = (letter: string) => store().reviews.findManifest('app', digest(letter));
    const found = { digest: digest('c'), mediaType: 'm', sizeBytes: 7 };
    expect(await find('c')).toEqual({ ...found, expiringAt: 1 + delay / 2 });
    expect(await store().reviews.postpone('app', digest('c'), delay)).toBe(true);
    expect(await find('c')).toEqual({ ...found, expiringAt: delay + delay / 2 });
    expect([(await find('d'))?.expiringAt, await find('e')]).toEqual([null, undefined]);
  });

  test('a blob that the newest backup may need waits for the next one', async () => {
    await store().blobs.commit('app', digest('a'), 5, 'none', 1);
    await step(delay + 1);
    await store().backups.finish('first', delay, delay);
    expect((await step(delay + 1)).purges).toEqual([]);
    expect((await step(2 * delay)).purges).toEqual([]);
    await store().backups.begin('second', 2 * delay);
    expect((await step(3 * delay)).purges).toEqual([]);
    await store().backups.finish('second', 2 * delay, 2 * delay + 1);
    expect(await store().backups.findNewest()).toEqual({ name: 'second', beganAt: 2 * delay });
    expect((await step(4 * delay)).purges).toHaveLength(1);
  });

  test('the first backup keeps blobs from its beginning, a backup that failed only until the next one, a removed one no longer', async () => {
    await store().blobs.commit('app', digest('a'), 5, 'none', 1);
    await step(delay + 1);
    await store().backups.begin('failed', delay + 1);
    expect((await step(delay + 1)).purges).toEqual([]);
    await store().backups.begin('next', delay + 2);
    await store().backups.removeUnfinished('failed');
    await store().backups.finish('next', delay + 2, delay + 3);
    await store().backups.remove('next');
    expect(await store().backups.findNewest()).toBeUndefined();
    expect((await step(2 * delay)).purges).toHaveLength(1);
  });

  test('several reasons can block the collector, and each is ended on its own', async () => {
    const { collectionState } = store();
    expect(await collectionState.find()).toMatchObject({ blockedBy: null });
    await collectionState.block('restore', 1);
    await collectionState.block('restore', 2);
    await collectionState.block('adoption', 2);
    await collectionState.unblock('adoption');
    expect(await collectionState.find()).toMatchObject({ blockedBy: 'restore' });
    await collectionState.unblock('restore');
    expect(await collectionState.find()).toMatchObject({ blockedBy: null });
  });

  test('the tenth failure sets a review aside', async () => {
    await store().claims.take(digest('a'), 'writer', 1, 2);
    await step(delay + 1);
    expect(await store().collection.recordFailure(digest('a'), 'other', 'denied', 1)).toBe(false);
    const results: boolean[] = [];
    for (let count = 0; count < 10; count++)
      results.push(await store().collection.recordFailure(digest('a'), 'one', 'denied', 9 * delay));
    expect(results).toEqual([...Array<boolean>(9).fill(false), true]);
    expect(await store().reviews.listFailed(5)).toEqual([
      { digest: digest('a'), repository: null, failures: 10, lastError: 'denied' },
    ]);
    await store().reviews.retryFailed(1);
    expect(await step(9 * delay)).toMatchObject({ reviewed: 1 });
  });

  test('an audit of every row finds unneeded content without a review', async () => {
    await store().blobs.commit('app', digest('a'), 5, 'none', 1);
    const first = await store().collectionAudit.audit({ part: 'links', repositoryId: 0, digest: '' }, 500, 1);
    expect(first).toEqual({ rows: 1, missed: 0, next: { part: 'blobs', repositoryId: 0, digest: '' } });
    const second = await store().collectionAudit.audit({ part: 'blobs', repositoryId: 0, digest: '' }, 500, 1);
    expect(second).toEqual({ rows: 1, missed: 0, next: { part: 'manifests', repositoryId: 0, digest: '' } });
    const last = await store().collectionAudit.audit({ part: 'manifests', repositoryId: 0, digest: '' }, 500, 1);
    expect(last).toEqual({ rows: 0, missed: 0, next: undefined });
  });
}
