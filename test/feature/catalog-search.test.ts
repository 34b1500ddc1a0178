import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Viewer, createRepositoryLists } from '../../src/catalog/repository-lists.ts';
import type { Digest } from '../../src/oci/digest.ts';
import type { RepositoryName } from '../../src/oci/reference.ts';
import { parseQuery, toggled } from '../../src/search/query.ts';
import { createSearch } from '../../src/search/search.ts';
import { createSqliteStore } from '../../storage/metadata/sqlite/sqlite-store.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import { newManifest } from '../support/new-manifest.ts';

const day = 86_400_000;
const now = 1000 * day;
const digest = (letter: string) => `sha256:${letter.repeat(64)}` as Digest;
const author = { actor: 'alice', address: '' };

interface Content {
  readonly name: string;
  readonly letter: string;
  readonly tags: readonly string[];
  readonly daysAgo: number;
  readonly platforms: string;
  readonly isSigned?: boolean;
  readonly labels?: Readonly<Record<string, string>>;
  readonly description?: string;
}

const contents: readonly Content[] = [
  { name: 'team/web', letter: 'a', tags: ['1.9', 'latest'], daysAgo: 0.5, platforms: 'linux/amd64 linux/arm64', isSigned: true },
  { name: 'team/web-admin', letter: 'b', tags: ['2'], daysAgo: 3, platforms: 'linux/amd64', labels: { maintainer: 'ops' } },
  { name: 'other/cobweb', letter: 'c', tags: ['1.9'], daysAgo: 20, platforms: 'linux/arm64' },
  { name: 'other/db', letter: 'd', tags: ['bookworm'], daysAgo: 400, platforms: 'linux/amd64', description: 'Stores the web' },
];
const hidden: Content = { name: 'secret/web', letter: 'e', tags: ['1.9', 'bookworm'], daysAgo: 0, platforms: 'linux/s390x' };

/** A store with the repositories, and a search in it. */
async function openWorld(directory: string, repositories: readonly Content[]) {
  const store = await createSqliteStore({ file: join(directory, `${repositories.length}.sqlite`) });
  for (const { name, letter, tags, daysAgo, ...facts } of repositories) {
    const repository = name as RepositoryName;
    const at = now - daysAgo * day;
    await store.manifests.put(newManifest({ repository, digest: digest(letter), tags, now: at, author: { ...author, at } }));
    await store.catalogImages.record({
      repository,
      digest: digest(letter),
      changes: 9,
      downloadBytes: 1,
      kind: 'image',
      platforms: '[]',
      hasSbom: false,
      platformNames: facts.platforms,
      labels: JSON.stringify(facts.labels ?? {}),
      description: facts.description ?? '',
      isSigned: facts.isSigned ?? false,
      isPartial: false,
    });
  }
  return { store, search: createSearch(store, () => now), lists: createRepositoryLists(store) };
}

/** Somebody who may pull everything but what is hidden. */
function viewerOf(store: MetadataStore): Viewer {
  return {
    seesAll: false,
    accountId: undefined,
    async *names(after) {
      for (const name of await store.repositories.list(after, 1000)) if (name !== hidden.name) yield name;
    },
    mayPull: (name) => Promise.resolve(name !== hidden.name),
  };
}

async function* noNames(): AsyncGenerator<never> {}

const everybody: Viewer = { seesAll: true, accountId: undefined, names: noNames, mayPull: () => Promise.resolve(true) };

let directory: string;
let world: Awaited<ReturnType<typeof openWorld>>;
let worldWithHidden: Awaited<ReturnType<typeof openWorld>>;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-search-'));
  world = await openWorld(directory, contents);
  worldWithHidden = await openWorld(directory, [...contents, hidden]);
});
afterAll(async () => {
  await Promise.all([world.store.close(), worldWithHidden.store.close()]);
  await rm(directory, { recursive: true });
});

const page = { offset: 0, limit: 10 };
const found = async (text: string, viewer: Viewer = everybody) =>
  (await world.search.find(viewer, text, page)).items.map(({ name }) => name);

const queries = [
  ...['', 'web', 'WEB', '1.9', 'bookworm', 'web stores', 'nothing', 'team/web', 'web:1.9', 'tag:1.*', 'ns:team', 'arch:arm64'],
  ...['arch:linux/amd64 web', 'label:maintainer', 'label:maintainer=ops', 'label:maintainer=x', 'digest:cc', 'kind:image'],
  ...['signed:yes', 'signed:no web', 'age:week', 'name:web ns:other', 'kind:', '::', 'sha256:e'],
];

describe('a search', () => {
  test('ranks the last component before a beginning, a part, a tag and the description', async () => {
    expect(await found('web')).toEqual(['team/web', 'team/web-admin', 'other/cobweb', 'other/db']);
    expect(await found('bookworm')).toEqual(['other/db']);
    expect(await found('we')).toEqual(['team/web', 'team/web-admin']);
    expect(await found('stores web')).toEqual(['other/db']);
  });

  test.each([
    ['tag:1.*', ['other/cobweb', 'team/web']],
    ['web:1.9', ['team/web', 'other/cobweb']],
    ['ns:other', ['other/cobweb', 'other/db']],
    ['arch:arm64 web', ['team/web', 'other/cobweb']],
    ['label:maintainer=ops', ['team/web-admin']],
    ['label:maintainer=dev', []],
    ['digest:dddd', ['other/db']],
    ['signed:yes', ['team/web']],
    ['age:week', ['team/web', 'team/web-admin']],
    ['name:web ns:other', ['other/cobweb']],
  ])('%s finds %j', async (text, names) => {
    expect(await found(text)).toEqual(names);
  });

  test.each(queries)('%j finds the same for who sees everything and for who sees it by name', async (text) => {
    expect(await found(text)).toEqual(await found(text, viewerOf(world.store)));
  });

  test('counts what was found by namespace, platform, signature and age', async () => {
    const { facets, total } = await world.search.find(everybody, 'web', { offset: 1, limit: 1 });
    const counts = (name: keyof typeof facets) => facets[name].map(({ query, count }) => `${query} ${count}`);
    expect(total).toEqual({ count: 4, isExact: true });
    expect(counts('namespace')).toEqual(['ns:other 2', 'ns:team 2']);
    expect(counts('platform')).toEqual(['arch:linux/amd64 3', 'arch:linux/arm64 2']);
    expect([counts('kind'), counts('signed')]).toEqual([['kind:image 4'], ['signed:yes 1']]);
    expect(counts('age')).toEqual(['age:day 1', 'age:week 2', 'age:month 3', 'age:year 3']);
  });

  test('is narrowed by a facet, and widened again', () => {
    expect(toggled('web', 'ns:team')).toBe('web ns:team');
    expect(toggled('web ns:team', 'ns:team')).toBe('web');
    expect(parseQuery('a:b c').tag).toEqual({ text: 'b', isBeginning: false });
  });

  test('opens the image that a reference or a digest names', async () => {
    const located = async (text: string) => world.search.locate(viewerOf(world.store), text, 'berth.example:5000');
    const image = { repository: 'team/web', reference: { tag: '1.9' } };
    expect([await located('team/web:1.9'), await located(' berth.example:5000/team/web:1.9 ')]).toEqual([image, image]);
    expect(await located(digest('d'))).toEqual({ repository: 'other/db', reference: { digest: digest('d') } });
    for (const text of ['team/web:2', 'no/such:1', digest('f'), 'team/web', 'a b:c']) expect(await located(text)).toBeUndefined();
  });
});

test('a search that finds very many repositories ranks the first 500, and loads only those that it shows', async () => {
  const loaded: (readonly string[])[] = [];
  const candidate = (index: number) => ({
    repositoryId: index,
    name: `app-${index}` as RepositoryName,
    isMirrored: 0,
    isSigned: 0,
    stars: index,
    description: null,
    pushedAt: now,
    pulledAt: 0,
    facts: 'image linux/amd64',
  });
  const search = createSearch(
    {
      ...world.store,
      catalogCandidates: {
        ...world.store.catalogCandidates,
        listByLastComponent: (_words, _text, limit) =>
          Promise.resolve(Array.from({ length: limit }, (_, index) => candidate(index))),
      },
      catalogEntries: {
        ...world.store.catalogEntries,
        listNamed: (names) => {
          loaded.push(names);
          return Promise.resolve([]);
        },
      },
    },
    () => now,
  );
  const { total, facets } = await search.find(everybody, 'app', { offset: 2, limit: 3 });
  expect(loaded).toEqual([['app-497', 'app-496', 'app-495']]);
  expect(total).toEqual({ count: 500, isExact: false });
  expect(facets.platform).toEqual([{ value: 'linux/amd64', query: 'arch:linux/amd64', count: 500 }]);
});

describe('a repository that the viewer may not pull', () => {
  test.each(queries)('changes nothing in what a search for %j finds and counts', async (text) => {
    const [without, beside] = [world, worldWithHidden].map(({ store, search }) => search.find(viewerOf(store), text, page));
    expect(await beside).toEqual(await without);
  });

  test('is opened by no reference and no digest', async () => {
    const { store, search } = worldWithHidden;
    for (const text of ['secret/web:1.9', digest('e'), `secret/web@${digest('e')}`])
      expect(await search.locate(viewerOf(store), text, 'berth.example')).toBeUndefined();
  });

  test('changes nothing in lists, totals and namespaces', async () => {
    const [without, beside] = await Promise.all(
      [world, worldWithHidden].map(async ({ store, lists }) => {
        const viewer = viewerOf(store);
        const request = { order: 'pushed', prefix: '', limit: 2 } as const;
        const first = await lists.list(viewer, request);
        const second = await lists.list(viewer, { ...request, after: first.next });
        return { first, second, namespaces: await lists.namespaces(viewer) };
      }),
    );
    expect(beside).toEqual(without);
    expect(without?.first.total).toEqual({ count: 4, isExact: true });
    expect(without?.namespaces.items.map(({ namespace }) => namespace)).toEqual(['other', 'team']);
  });
});
