import { describe, expect, test } from '@jest/globals';
import { QuotaRefusal } from '../../storage/metadata/queries/steps/quotas.ts';
import type { QuotaDifference, QuotaUse } from '../../storage/metadata/queries/quotas/status.ts';
import type { QuotaRule } from '../../storage/metadata/queries/quotas/rules.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import { isLong } from '../support/long.ts';
import type { Plain } from '../support/plain.ts';
import { type CurrentDatabase, author, deletion, digest, newManifest } from './metadata-store/fixtures.ts';

type Store = Plain<MetadataStore>;

const rule = (fields: Partial<QuotaRule> = {}): QuotaRule => ({
  name: 'teams',
  match: ['**'],
  per: 'namespace',
  maxBytes: 100,
  maxTags: null,
  ...fields,
});

/** Counts until nothing is left to count. */
async function count(store: Store, limit = 500): Promise<readonly QuotaDifference[]> {
  const differences: QuotaDifference[] = [];
  while (await store.quotaCounting.isNeeded()) differences.push(...(await store.quotaCounting.step(limit)));
  return differences;
}

async function configure(store: Store, ...rules: readonly QuotaRule[]): Promise<void> {
  await store.quotaRules.configure(rules);
  await count(store);
}

/** Figures by quota: bytes, reserved bytes, tags. */
async function figures(store: Store): Promise<Readonly<Record<string, readonly number[]>>> {
  const all = await store.quotaStatus.list({ ruleId: 0, name: '' }, 1000);
  return Object.fromEntries(
    all.map(({ rule: name, name: scope, usedBytes, reservedBytes, tags }) => [
      `${name} ${scope}`,
      [usedBytes, reservedBytes, tags],
    ]),
  );
}

/** Repeats a write whose repository is not known to the quotas yet, as the registry does. */
async function admitted<Result>(store: Store, repository: string, write: () => Promise<Result>): Promise<Result | QuotaRefusal> {
  for (;;) {
    try {
      return await write();
    } catch (error) {
      if (!(error instanceof QuotaRefusal)) throw error;
      if (error.reason.kind !== 'unlisted') return error;
      await store.quotaMembers.enlist(repository);
    }
  }
}

const actionsOn = (store: Store) => {
  const now = 1;
  const blob = (repository: string, letter: string, sizeBytes = 10, upload = 'none') =>
    admitted(store, repository, () => store.blobs.commit(repository, digest(letter), sizeBytes, upload, now, undefined, true));
  const manifest = (repository: string, letter: string, fields: Parameters<typeof newManifest>[2] = {}) =>
    admitted(store, repository, () => store.manifests.put({ ...newManifest(repository, letter, fields), isLimited: true }));
  const mount = (from: string, to: string, letter: string) =>
    admitted(store, to, () => store.blobs.mount(from, to, digest(letter), author, true));
  const hold = (upload: string, repository: string, sizeBytes: number) =>
    admitted(store, repository, () => store.quotaReservations.hold(upload, repository, sizeBytes));
  return { blob, manifest, mount, hold };
};

/** Quotas: what counts, what is refused, and that the counters are exact. */
export function testQuotas(current: CurrentDatabase): void {
  describe('quotas', () => {
    test('a digest counts once, in full, in every quota that links it', async () => {
      const { store } = current;
      await configure(store, rule(), rule({ name: 'whole', per: 'all' }), rule({ name: 'each', per: 'repository' }));
      const { blob, mount, manifest } = actionsOn(store);
      await blob('acme/one', 'a');
      await mount('acme/one', 'acme/two', 'a');
      await mount('acme/one', 'other/one', 'a');
      await manifest('acme/one', 'e', { sizeBytes: 5, tags: ['1', '2'] });
      expect(await figures(store)).toEqual({
        'teams acme': [15, 0, 2],
        'teams other': [10, 0, 0],
        'whole ': [15, 0, 2],
        'each acme/one': [15, 0, 2],
        'each acme/two': [10, 0, 0],
        'each other/one': [10, 0, 0],
      });
      await store.blobs.unlink('acme/one', digest('a'), author);
      expect((await figures(store))['teams acme']).toEqual([15, 0, 2]);
      await store.blobs.unlink('acme/two', digest('a'), author);
      expect((await figures(store))['teams acme']).toEqual([5, 0, 2]);
    });

    test('a write that would exceed a quota changes nothing and says the figures', async () => {
      const { store } = current;
      await configure(store, rule({ maxTags: 2 }));
      const { blob, mount, manifest } = actionsOn(store);
      await blob('acme/app', 'a', 60);
      const refused = await blob('acme/app', 'b', 41);
      expect(refused).toBeInstanceOf(QuotaRefusal);
      expect((refused as QuotaRefusal).reason).toEqual({
        kind: 'exceeded',
        excess: { quotaId: expect.any(Number), rule: 'teams', scope: 'acme', kind: 'bytes', used: 60, needed: 41, limit: 100 },
      });
      expect(await store.blobs.find(digest('b'))).toBeUndefined();
      expect(await blob('acme/app', 'b', 40)).toBe(true);
      await actionsOn(store).blob('big/app', 'c', 100);
      expect(await mount('big/app', 'acme/app', 'c')).toBeInstanceOf(QuotaRefusal);
      expect(await manifest('acme/app', 'e', { sizeBytes: 1 })).toBeInstanceOf(QuotaRefusal);
      await manifest('tags/app', 'f', { tags: ['1', '2'] });
      expect(await manifest('tags/app', 'f', { tags: ['2', '3'] })).toBeInstanceOf(QuotaRefusal);
      expect(await manifest('tags/app', 'f', { tags: ['2'] })).not.toBeInstanceOf(QuotaRefusal);
      expect(await store.tags.list('tags/app', '', 10)).toEqual(['1', '2']);
    });

    test('open uploads count; the blob gets their space, and the end of a session releases it', async () => {
      const { store } = current;
      await configure(store, rule());
      const { blob, hold } = actionsOn(store);
      for (const id of ['one', 'two']) await store.uploads.create(id, 'acme/app', 'sha256', 1);
      await hold('one', 'acme/app', 60);
      expect(await hold('two', 'acme/app', 41)).toBeInstanceOf(QuotaRefusal);
      expect(await hold('two', 'acme/app', 40)).toBeUndefined();
      expect(await figures(store)).toEqual({ 'teams acme': [0, 100, 0] });
      expect(await blob('acme/app', 'a', 60, 'one')).toBe(true);
      expect(await figures(store)).toEqual({ 'teams acme': [60, 40, 0] });
      await store.quotaReservations.settle('two', 7);
      expect(await figures(store)).toEqual({ 'teams acme': [60, 7, 0] });
      await store.uploads.remove('two');
      expect(await figures(store)).toEqual({ 'teams acme': [60, 0, 0] });
    });

    test('concurrent writes of two processes never exceed a quota by a byte', async () => {
      const { store } = current;
      await configure(store, rule({ maxBytes: 55 }));
      const other = (await current.database.reopen()) as unknown as Store;
      try {
        const letters = Array.from({ length: 16 }, (_, index) => index.toString(16));
        const results = await Promise.all(
          letters.map((letter, index) => actionsOn(index % 2 === 0 ? store : other).blob('acme/app', letter, 10)),
        );
        expect(results.filter((result) => result === true)).toHaveLength(5);
        expect(await figures(store)).toEqual({ 'teams acme': [50, 0, 0] });
      } finally {
        await other.close();
      }
    });

    test('the trash counts, and yields its oldest entries, but not blobs that a client was told to exist', async () => {
      const { store } = current;
      await store.collectionState.configure(1000, null);
      await configure(store, rule());
      const { blob, manifest } = actionsOn(store);
      for (const [image, layer] of [
        ['d', 'a'],
        ['e', 'b'],
      ] as const) {
        await blob('acme/app', layer, 40);
        await manifest('acme/app', image, { sizeBytes: 5, tags: [image], blobs: [{ digest: digest(layer), sizeBytes: 40 }] });
        await store.deletions.put(deletion('acme/app', image, { windowMilliseconds: 1_000_000 }));
      }
      expect(await figures(store)).toEqual({ 'teams acme': [90, 0, 0] });
      const later = 5000;
      const excessive = await figuresAfterYield(store, later, 91);
      expect(excessive).toEqual({ freedBytes: undefined, used: 90, entries: 2 });
      // A HEAD: the second layer stays.
      await collect(store, later);
      expect((await store.reviews.findBlob('acme/app', digest('b'), later))?.isExpiring).toBe(true);
      expect(await store.reviews.postpone('acme/app', digest('b'), later)).toBe(true);
      expect(await store.reviews.findBlob('acme/app', digest('b'), later)).toEqual({ sizeBytes: 40, isExpiring: false });
      expect(await figuresAfterYield(store, later + 999, 46)).toEqual({ freedBytes: 50, used: 40, entries: 0 });
      expect(await store.blobs.findLink('acme/app', digest('b'))).toEqual({ sizeBytes: 40 });
      await collect(store, later + 1001);
      expect(await figures(store)).toEqual({ 'teams acme': [0, 0, 0] });
    });

    test('mirrored content does not count until its repository is pushed to', async () => {
      const { store } = current;
      await configure(store, rule());
      const mirrored = { repository: 'docker.io/app', upstream: 'docker.io', byLogin: false };
      await store.mirroredContent.recordBlob([mirrored], digest('a'), 70, 1);
      await count(store);
      expect(await figures(store)).toEqual({});
      await actionsOn(store).blob('docker.io/app', 'b', 10);
      await count(store);
      expect(await figures(store)).toEqual({ 'teams docker.io': [80, 0, 0] });
    });

    test('a new rule is counted in small steps before it is enforced, and another limit holds at once', async () => {
      const { store } = current;
      const { blob, manifest } = actionsOn(store);
      for (const letter of 'abcd') await store.blobs.commit('acme/app', digest(letter), 30, 'none', 1);
      await store.manifests.put(newManifest('acme/app', 'e', { tags: ['1', '2', '3'] }));
      await store.uploads.create('u', 'acme/app', 'sha256', 1);
      await store.quotaRules.configure([rule()]);
      await store.quotaCounting.step(1);
      await store.quotaCounting.step(1);
      // Counted in part: content on both sides of the position changes.
      expect((await store.quotaStatus.listOf('acme/app'))[0]).toMatchObject({ isCounting: true });
      expect(await blob('acme/app', '0', 30)).toBe(true);
      await store.blobs.unlink('acme/app', digest('a'), author);
      await store.blobs.unlink('acme/app', digest('d'), author);
      await manifest('acme/app', 'e', { tags: ['0', '4'] });
      await count(store, 1);
      expect(await figures(store)).toEqual({ 'teams acme': [91, 0, 5] });
      expect((await store.quotaStatus.listOf('acme/app'))[0]).toMatchObject({ isCounting: false });
      expect(await blob('acme/app', 'f', 10)).toBeInstanceOf(QuotaRefusal);
      await store.quotaRules.configure([rule({ maxBytes: 101 })]);
      expect(await store.quotaCounting.isNeeded()).toBe(false);
      expect(await blob('acme/app', 'f', 10)).toBe(true);
      await configure(store);
      expect(await store.quotaRules.list()).toEqual([]);
      expect(await figures(store)).toEqual({});
    });

    test('counters equal a recount after any changes', async () => {
      const { store } = current;
      await changeAtRandom(current);
      const counted = await figures(store);
      expect(Object.keys(counted).length).toBeGreaterThan(2);
      await store.quotaRules.recount();
      // The counters in force stay in force while their rule is counted again.
      expect(await figures(store)).toEqual(counted);
      expect(await count(store, 2)).toEqual([]);
      expect(await figures(store)).toEqual(counted);
    });
  });
}

/** Runs the collector until no review is due. */
async function collect(store: Store, now: number): Promise<void> {
  const step = () => store.collection.step({ now, limit: 64, purger: 'p', until: now + 1 });
  for (let reviewed = 1; reviewed > 0;) {
    const result = await step();
    reviewed = result.unlinked;
  }
}

async function figuresAfterYield(store: Store, now: number, bytes: number) {
  const [quota] = await store.quotaStatus.listOf('acme/app');
  const members = await store.trashYields.listForQuota(1, 0, 10);
  const freed = await store.trashYields
    .put({
      entries: members,
      maxManifests: 100,
      quota: { id: 1, bytes, isLast: true },
      reason: 'test',
      author: { ...author, at: now },
    })
    .catch(() => undefined);
  const [after] = await store.quotaStatus.listOf('acme/app');
  expect(quota?.rule).toBe('teams');
  return {
    freedBytes: freed?.freedBytes,
    used: after?.usedBytes,
    entries: (await store.trashYields.listForQuota(1, 0, 10)).length,
  };
}

/** Numbers from 0 to `end` (exclusive), the same in each run. */
function randomNumbers(seed: number): (end: number) => number {
  let state = seed;
  return (end) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * end);
  };
}

const ruleSets: readonly (readonly QuotaRule[])[] = [
  [rule({ maxBytes: 150 })],
  [rule({ maxBytes: 200, maxTags: 4 }), rule({ name: 'each', per: 'repository', maxBytes: 90 })],
  [rule({ name: 'part', match: ['acme/**', '!acme/two'], per: 'all', maxBytes: 300 }), rule({ maxBytes: 150 })],
];

/** Does everything that changes what counts, and asserts that no quota in force is ever exceeded. */
async function changeAtRandom({ store }: CurrentDatabase, changes = isLong ? 300 : 75): Promise<void> {
  const random = randomNumbers(7);
  const pick = <Item>(items: readonly Item[]) => items[random(items.length)] as Item;
  const { blob, manifest, mount, hold } = actionsOn(store);
  const repository = () => pick(['acme/one', 'acme/two', 'other/one']);
  const sizes: Readonly<Record<string, number>> = { a: 10, b: 20, c: 30, d: 5, e: 5, f: 5 };
  const uploads: string[] = [];
  const actions: Readonly<Record<string, () => Promise<unknown>>> = {
    push: () => {
      const letter = pick(['a', 'b', 'c']);
      return blob(repository(), letter, sizes[letter]);
    },
    mount: () => mount(repository(), repository(), pick(['a', 'b', 'c'])),
    manifest: async () => {
      const layer = pick(['a', 'b', 'c']);
      const blobs = [{ digest: digest(layer), sizeBytes: sizes[layer] ?? 0 }];
      return manifest(repository(), pick(['d', 'e', 'f']), { sizeBytes: 5, tags: [pick(['1', '2', '3'])], blobs });
    },
    untag: () => store.tags.remove(repository(), pick(['1', '2', '3']), author),
    trash: () => store.deletions.put(deletion(repository(), pick(['d', 'e', 'f']), { windowMilliseconds: 1000 })),
    remove: () => store.deletions.put(deletion(repository(), pick(['d', 'e', 'f']), { windowMilliseconds: 0 })),
    restore: async () => {
      const [entry] = await store.trash.list(undefined, Number.MAX_SAFE_INTEGER, 1, 3);
      if (!entry) return;
      const options = { renames: {}, movedTags: 'keep', acceptMissing: false, isLimited: true, author } as const;
      await admitted(store, entry.repository, () =>
        store.restorations.put({ repository: entry.repository, entryId: entry.id, ...options }),
      );
    },
    purge: () => store.trash.purge(5000, 1),
    yield: async () => {
      const entries = await store.trashYields.listOldest(1);
      await store.trashYields.put({ entries, maxManifests: 10, reason: 'test', author: { ...author, at: 9_000_000_000 } });
    },
    unlink: () => store.blobs.unlink(repository(), digest(pick(['a', 'b', 'c'])), author),
    collect: () => collect(store, 9_000_000_000),
    begin: async () => {
      const id = `upload${uploads.length}`;
      uploads.push(id);
      const target = repository();
      await admitted(store, target, () => store.quotaReservations.begin(id, target, 'sha256', 1, random(40)));
    },
    hold: async () => {
      const upload = await store.uploads.find(pick([...uploads, 'none']));
      if (upload) await hold(upload.id, upload.repository, random(60));
    },
    finish: async () => {
      const upload = await store.uploads.find(pick([...uploads, 'none']));
      if (upload) await blob(upload.repository, 'a', 10, upload.id);
    },
    cancel: () => store.uploads.remove(pick([...uploads, 'none'])),
    configure: () => store.quotaRules.configure(pick(ruleSets)),
    recount: () => store.quotaRules.recount(),
    count: () => store.quotaCounting.step(2),
  };
  const names = [...Object.keys(actions), 'push', 'push', 'manifest', 'manifest', 'count', 'count', 'count', 'count'];
  for (const rules of ruleSets) {
    await configure(store, ...rules);
    for (let change = 0; change < changes / ruleSets.length; change++) {
      const name = pick(names.filter((one) => one !== 'configure' || change % 10 === 0));
      const before = await inForce(store);
      await actions[name]?.();
      expect({ name, overrun: overrun(before, await inForce(store)) }).toEqual({ name, overrun: [] });
    }
  }
  await configure(store, ...(ruleSets[1] ?? []));
}

const inForce = async (store: Store) =>
  (await store.quotaStatus.list({ ruleId: 0, name: '' }, 100)).filter(({ isCounting }) => !isCounting);

const bytesOf = ({ usedBytes, reservedBytes }: QuotaUse) => usedBytes + reservedBytes;

/** The quotas that a change has filled above their limit. A rule can come into force when more is stored than it allows. */
const overrun = (before: readonly QuotaUse[], after: readonly QuotaUse[]) =>
  after.filter((quota) => {
    const former = before.find(({ ruleId, name }) => ruleId === quota.ruleId && name === quota.name);
    const isFuller = former !== undefined && (bytesOf(quota) > bytesOf(former) || quota.tags > former.tags);
    return isFuller && (bytesOf(quota) > (quota.maxBytes ?? Infinity) || quota.tags > (quota.maxTags ?? Infinity));
  });
