import { describe, expect, test } from '@jest/globals';
import type { EntryOrder } from '../../storage/metadata/queries/catalog/entries.ts';
import type { TagOrder } from '../../storage/metadata/queries/catalog/tags.ts';
import { type CurrentDatabase, author, deletion, digest, newManifest } from './metadata-store/fixtures.ts';

const hour = 3_600_000;

/** What the model knows of a repository. */
interface Counted {
  readonly links: Map<string, number>;
  readonly manifests: Map<string, number>;
  readonly trashed: Map<string, number>;
  readonly tags: Set<string>;
  pushedAt: number;
  pulledAt: number;
}

const isListed = (tag: string) => !tag.startsWith('sha256-');
const sum = (sizes: ReadonlyMap<string, number>) => [...sizes.values()].reduce((total, size) => total + size, 0);

/** A naive model of the catalog: it counts everything again for each question. */
function createModel() {
  const repositories = new Map<string, Counted>();
  const of = (name: string): Counted => {
    const found = repositories.get(name) ?? {
      links: new Map(),
      manifests: new Map(),
      trashed: new Map(),
      tags: new Set(),
      pushedAt: 0,
      pulledAt: 0,
    };
    repositories.set(name, found);
    return found;
  };
  const entries = () =>
    [...repositories].map(([name, counted]) => ({
      name,
      tags: [...counted.tags].filter(isListed).length,
      sizeBytes: sum(counted.links) + sum(counted.manifests) + sum(counted.trashed),
      pushedAt: counted.pushedAt,
      pulledAt: counted.pulledAt,
    }));
  return { of, entries };
}

/** A reproducible sequence of numbers below `end`. */
function createRandom(seed: number) {
  let state = seed;
  return (end: number) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * end);
  };
}

/** The catalog: its counters are exact after every kind of change, and its lists are in order. */
export function testCatalog(current: CurrentDatabase): void {
  const blob = (repository: string, letter: string, sizeBytes: number) =>
    current.store.blobs.commit(repository, digest(letter), sizeBytes, 'none', 1);
  const push = (repository: string, letter: string, at: number, tags: readonly string[] = [], fields = {}) =>
    current.store.manifests.put(newManifest(repository, letter, { now: at, tags, sizeBytes: 5, ...fields }));
  const entry = async (repository: string) => (await current.store.catalogEntries.listNamed([repository]))[0];
  const listEntries = (order: EntryOrder, isDescending: boolean, from?: { key: string | number; name: string }) =>
    current.store.catalogEntries.list({ order, isDescending, isMirrored: false, from, bounds: undefined, limit: 100 });
  const listTags = (order: TagOrder, isDescending: boolean) =>
    current.store.catalogTags.list({ repository: 'app', order, isDescending, from: undefined, bounds: undefined, limit: 100 });
  /** Reads the tags in pages of one row. */
  const walkTags = async (order: TagOrder, isDescending: boolean) => {
    const found: string[] = [];
    const fields = { name: 'naturalName', pushed: 'updatedAt', pulled: 'pulledAt', size: 'downloadBytes' } as const;
    for (let from: { key: string | number; digest: string; name: string } | undefined; ;) {
      const page = { repository: 'app', order, isDescending, from, bounds: undefined, limit: 1 };
      const [tag] = await current.store.catalogTags.list(page);
      if (!tag) return found;
      found.push(tag.name);
      from = { key: tag[fields[order]], digest: tag.digest, name: tag.name };
    }
  };
  const names = (rows: readonly { readonly name: string }[]) => rows.map(({ name }) => name);

  describe('the catalog', () => {
    test('counts as a naive model does, after every change of a random sequence', async () => {
      const { store } = current;
      const model = createModel();
      const random = createRandom(7);
      const letters = ['a', 'b', 'c', 'd', 'e', 'f'];
      const tags = ['1', '2', 'latest', `sha256-${'a'.repeat(64)}.sig`];
      const sizes = new Map<string, number>();
      /** Blobs have other digests than manifests. */
      const blobOf = (letter: string) => String('abcdef'.indexOf(letter));
      const changes = [
        async (name: string, letter: string) => {
          const size = sizes.get(letter) ?? 10 + random(90);
          sizes.set(letter, size);
          await blob(name, blobOf(letter), size);
          model.of(name).links.set(letter, size);
        },
        async (name: string, letter: string, at: number) => {
          const chosen = tags.filter(() => random(3) === 0);
          await push(name, letter, at, chosen);
          const counted = model.of(name);
          counted.manifests.set(digest(letter), 5);
          counted.trashed.delete(digest(letter));
          for (const tag of chosen) counted.tags.add(tag);
          counted.pushedAt = at;
        },
        async (name: string, letter: string, at: number) => {
          const result = await store.deletions.put(deletion(name, letter, { author: { ...author, at } }));
          if (result.outcome !== 'deleted') return;
          const counted = model.of(name);
          for (const manifest of result.removal.manifests) {
            counted.manifests.delete(manifest);
            counted.trashed.set(manifest, 5);
          }
          for (const tag of result.removal.tags) counted.tags.delete(tag.name);
        },
        async (name: string, _letter: string, at: number) => {
          const tag = tags[random(tags.length)] ?? '';
          await store.tags.remove(name, tag, { ...author, at });
          model.of(name).tags.delete(tag);
        },
        async (name: string, letter: string, at: number) => {
          await store.pulls.record([{ repository: name, digest: digest(letter), at }]);
          const counted = model.of(name);
          if (counted.manifests.has(digest(letter))) counted.pulledAt = at;
        },
      ];
      for (let step = 1; step <= 150; step++) {
        const name = ['app', 'team/one', 'team/two'][random(3)] ?? '';
        await changes[random(changes.length)]?.(name, letters[random(letters.length)] ?? '', step * 2 * hour);
      }
      const wanted = model.entries();
      const found = await store.catalogEntries.listNamed(wanted.map(({ name }) => name));
      for (const { name, ...counters } of wanted) expect(found.find((row) => row.name === name)).toMatchObject(counters);
      expect(wanted.length).toBe(3);
      expect(await store.catalogEntries.listNamespaces('', 10)).toEqual([{ namespace: 'team', repositories: 2 }]);
    });

    test('lists repositories in every order, and goes on behind a row', async () => {
      for (const [name, at, size, tags] of [
        ['app-9', 30, 10, ['1']],
        ['app-10', 20, 30, ['1', '2', '3']],
        ['app-2', 10, 20, ['1', '2']],
      ] as const) {
        await blob(name, 'a', 0);
        await push(name, 'b', at, tags, { sizeBytes: 5 });
        await store().blobs.commit(name, digest(String(size / 10)), size, 'none', 1);
      }
      expect(names(await listEntries('name', false))).toEqual(['app-2', 'app-9', 'app-10']);
      expect(names(await listEntries('pushed', true))).toEqual(['app-9', 'app-10', 'app-2']);
      expect(names(await listEntries('size', true))).toEqual(['app-10', 'app-2', 'app-9']);
      expect(names(await listEntries('tags', true))).toEqual(['app-10', 'app-2', 'app-9']);
      expect(names(await listEntries('tags', true, { key: 3, name: 'app-10' }))).toEqual(['app-2', 'app-9']);
      expect(await store().catalogEntries.count({ bounds: undefined, isMirrored: undefined }, 10)).toBe(3);
      expect(await store().catalogEntries.count({ bounds: undefined, isMirrored: false }, 2)).toBe(2);
    });

    test('lists tags in every order, without those for signatures, with who pushed them', async () => {
      const tagsOf: readonly (readonly [string, number, readonly string[]])[] = [
        ['a', 1, ['1.9', `sha256-${'c'.repeat(64)}.sig`]],
        ['b', 2, ['1.10', 'x']],
        ['c', 3, ['1.2']],
      ];
      for (const [letter, at, tags] of tagsOf) await push('app', letter, at * hour, tags);
      await store().pulls.record([{ repository: 'app', digest: digest('b'), at: 9 * hour }]);
      await store().pulls.record([{ repository: 'app', digest: digest('a'), at: 7 * hour }]);
      expect(names(await listTags('name', false))).toEqual(['1.2', '1.9', '1.10', 'x']);
      expect(names(await listTags('pushed', true))).toEqual(['1.2', 'x', '1.10', '1.9']);
      expect(names(await listTags('pulled', true))).toEqual(['x', '1.10', '1.9', '1.2']);
      for (const order of ['name', 'pushed', 'pulled', 'size'] as const)
        for (const isDescending of [true, false])
          expect(await walkTags(order, isDescending)).toEqual(names(await listTags(order, isDescending)));
      expect((await listTags('name', false)).map(({ pulledAt }) => pulledAt)).toEqual([0, 7 * hour, 9 * hour, 9 * hour]);
      expect(await store().catalogTags.count('app')).toBe(4);
      expect((await listTags('name', false)).map((tag) => tag.names)).toEqual(['1.2', '1.9', '1.10 x', '1.10 x']);
    });

    test('an image is described again after a tag, a referrer or a missing part has come', async () => {
      const { catalogImages } = store();
      const describe = async (isPartial = false) => {
        const facts = { downloadBytes: 7, kind: 'image', platforms: '[]', platformNames: 'linux/amd64', labels: '{}' };
        const more = { description: 'Serves files', isSigned: true, hasSbom: false, isPartial };
        const changed = await catalogImages.listChanged(10);
        for (const { repository, digest: image, changes } of changed)
          await catalogImages.record({ repository, digest: image, changes, ...facts, ...more });
        return changed.map(({ digest: image }) => image.slice(7, 8));
      };
      await push('app', 'a', 1, ['1'], { children: [{ digest: digest('b'), sizeBytes: 5 }], acceptMissing: true });
      expect(await describe(true)).toEqual(['a']);
      expect(await describe()).toEqual([]);
      expect(await entry('app')).toMatchObject({ platforms: 'linux/amd64', description: 'Serves files', isSigned: true });
      await push('app', 'b', 2);
      expect(await describe()).toEqual(['a', 'b']);
      await push('app', 'c', 3, [], { subject: digest('a'), artifactType: 'signature' });
      expect(await describe()).toEqual(['a', 'c']);
      await push('app', 'd', 4, [`sha256-${'b'.repeat(64)}.sig`]);
      expect(await describe()).toEqual(['b', 'd']);
      expect(await catalogImages.countChanged(10)).toBe(0);
    });

    test('repositories are found by parts of their names and descriptions, by tags and by digests', async () => {
      const { catalogCandidates, catalogSearch, repositoryTexts } = store();
      await push('team/web_frontend', 'a', 1, ['1.2', 'x']);
      await push('team/db', 'b', 2, ['1.20']);
      await blob('web', 'c', 1);
      const event = {
        at: 1,
        actor: 'alice',
        address: '',
        action: 'repository.describe',
        target: 'team/db',
        result: 'done',
      } as const;
      const texts = { description: 'Keeps % of the "Web" in memory', readme: '', updatedAt: 1, updatedBy: 'alice' };
      await repositoryTexts.put('team/db', texts, event);
      const containing = async (text: string) => [...names(await catalogCandidates.listContaining([text], text, 10))].sort();
      expect(await containing('web')).toEqual(['team/db', 'team/web_frontend', 'web']);
      expect(await containing('b_fr')).toEqual(['team/web_frontend']);
      for (const text of ['e_b', '%%%', '"""', "'''", 'we', 'web" OR "']) expect(await containing(text)).toEqual([]);
      expect(await containing('% of')).toEqual(['team/db']);
      expect(names(await catalogCandidates.listByLastComponent([], 'web', 10))).toEqual(['web', 'team/web_frontend']);
      expect(names(await catalogCandidates.listByLastComponent([], 'd', 10))).toEqual(['team/db']);
      expect(names(await catalogCandidates.listByBeginning([], 'team/', 10))).toEqual(['team/db', 'team/web_frontend']);
      const tag = (text: string, isBeginning = false) => ({ text, isBeginning });
      expect(names(await catalogCandidates.listWithTag([], tag('1.2'), 10))).toEqual(['team/web_frontend']);
      const tagged = names(await catalogCandidates.listWithTag([], tag('1.', true), 10));
      expect([...tagged].sort()).toEqual(['team/db', 'team/web_frontend']);
      const candidates = await catalogCandidates.listNamed(['web'], ['web', 'team/db']);
      const ids = candidates.map(({ repositoryId }) => repositoryId);
      const withTag = await catalogSearch.filterByTag(ids, tag('1.2', true));
      expect(names(candidates.filter(({ repositoryId }) => withTag.includes(repositoryId)))).toEqual(['team/db']);
      const found = { repository: 'team/db', digest: digest('b') };
      expect(await catalogSearch.listByDigest('sha256:bb', 10)).toEqual([found]);
      expect(await catalogSearch.filterByDigest(['web', 'team/db'], 'sha256:b')).toEqual([found]);
      expect(names(await catalogCandidates.listWithDigest([], 'sha256:bb', 10))).toEqual(['team/db']);
    });

    test('candidates of a search carry what ranks them, and a description only where a word is not in the name', async () => {
      const { catalogCandidates } = store();
      await push('team/a_b', 'a', 7, ['1']);
      const all = { isMirrored: 0, isSigned: 0, stars: 0, pushedAt: 7, pulledAt: 0, facts: ' ', name: 'team/a_b' };
      expect(await catalogCandidates.listPushed(false, 10)).toMatchObject([{ ...all, description: null }]);
      for (const [words, description] of [
        [[], null],
        [['a_b', 'team'], null],
        [['a_b', 'axb'], ''],
      ] as const) {
        const bounds = { after: 'team', before: 'team~', natural: '' };
        expect(await catalogCandidates.listNamed(words, ['team/a_b'])).toMatchObject([{ ...all, description }]);
        expect(await catalogCandidates.listBetween(words, bounds, 10)).toMatchObject([{ ...all, description }]);
      }
    });

    test('stars and descriptions outlive a repository, and belong to the next one of its name', async () => {
      const { accounts, stars, repositoryTexts } = store();
      const event = { at: 1, actor: 'alice', address: '', action: 'repository.describe', target: 'app', result: 'done' } as const;
      const account = { kind: 'user', name: 'alice', passwordHash: null, isAdmin: false, expiresAt: null } as const;
      const id = (await accounts.create({ ...account, wantsNamespace: false }, event))?.id ?? 0;
      await stars.add(id, 'app', 1);
      await repositoryTexts.put('app', { description: 'Our app', readme: '# App', updatedAt: 1, updatedBy: 'alice' }, event);
      await blob('app', 'a', 1);
      expect(await entry('app')).toMatchObject({ stars: 1, description: 'Our app' });
      await stars.remove(id, 'app');
      expect(await entry('app')).toMatchObject({ stars: 0 });
      expect(await repositoryTexts.find('app')).toMatchObject({ readme: '# App', updatedBy: 'alice' });
    });
  });

  function store() {
    return current.store;
  }
}
