import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { permits } from '../../src/access/permissions/authorize.ts';
import { compileGrants, toGrant } from '../../src/access/permissions/grants.ts';
import { covers, matches, parsePattern, rangeOf } from '../../src/oci/patterns/repository-pattern.ts';
import { type Principal, anonymous } from '../../src/access/permissions/principal.ts';
import { loadVisibility } from '../../src/access/permissions/visibility.ts';
import { visibleRepositories } from '../../src/access/permissions/visible-repositories.ts';
import { createSqliteStore } from '../../storage/metadata/sqlite/sqlite-store.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import { wrapOperations } from '../support/wrapped-metadata.ts';
import { plain } from '../support/plain.ts';

const part = fc.constantFrom('a', 'ab', 'a-b', 'b', 'b.c', 'c0');
const name = fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
const patternText = fc.oneof(
  name,
  fc.tuple(name, fc.constantFrom('/*', '/**', '*', '**', '-*', '.**')).map(([prefix, rest]) => prefix + rest),
  fc.constantFrom('*', '**'),
);
const toPattern = (text: string) => {
  const pattern = parsePattern(text);
  if (!pattern) throw new Error(`${text} is no pattern`);
  return pattern;
};

describe('patterns', () => {
  /** What the documentation says, as a regular expression. */
  const naive = (text: string) => new RegExp(`^${text.replace(/[.]/g, '\\.').replace(/\*\*$/, '.+').replace(/\*$/, '[^/]+')}$`);

  test('match the names that their grammar describes', () => {
    fc.assert(
      fc.property(patternText, name, (text, candidate) =>
        expect(matches(toPattern(text), candidate)).toBe(naive(text).test(candidate)),
      ),
    );
  });

  test('match only names in their range', () => {
    fc.assert(
      fc.property(patternText, name, (text, candidate) => {
        const pattern = toPattern(text);
        const { after, before } = rangeOf(pattern);
        if (matches(pattern, candidate)) expect([candidate > after, candidate < before]).toEqual([true, true]);
      }),
    );
  });

  test('match every name of a pattern that they cover', () => {
    fc.assert(
      fc.property(patternText, patternText, name, (outer, inner, candidate) => {
        if (!covers(toPattern(outer), toPattern(inner)) || !matches(toPattern(inner), candidate)) return;
        expect(matches(toPattern(outer), candidate)).toBe(true);
      }),
    );
  });

  test.each(['', '/', 'a/', '/a', 'a//b', '**/a', 'a/**/b', '*a', 'A', 'a/***', '?', 'a b', 'a*b'])('%j is none', (text) => {
    expect(parsePattern(text)).toBeUndefined();
  });
});

describe('listings', () => {
  let folder: string;
  let store: MetadataStore;
  let reads: number;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'berth-visible-'));
    store = await createSqliteStore({ file: join(folder, 'metadata.sqlite') });
  });
  afterEach(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });

  const event = { at: 0, actor: '', address: '', action: 'x', target: '', result: 'done' } as const;
  const addRepository = (repository: string, index: number) =>
    plain(store).blobs.commit(repository, `sha256:${String(index).padStart(64, '0')}`, 1, 'none', 0);

  async function list(principal: Principal, after = '', closed: ReadonlySet<string> = new Set()): Promise<readonly string[]> {
    const hidden = (names: readonly string[]) => Promise.resolve(new Set(names.filter((name) => closed.has(name))));
    const counted = wrapOperations(store, (operation) => (...args) => {
      reads++;
      return operation(...args);
    });
    const visibility = await loadVisibility(store);
    reads = 0;
    const names: string[] = [];
    for await (const found of visibleRepositories({ metadata: counted, hidden }, principal, visibility, after)) names.push(found);
    return names;
  }

  test('show exactly the repositories that the subject may pull, once each and ascending, from any start', async () => {
    const grants = fc.array(fc.record({ text: patternText, actions: fc.constantFrom('pull', 'push', 'pull,push') }), {
      maxLength: 5,
    });
    const visibilities = fc.array(fc.record({ text: patternText, isPublic: fc.boolean() }), { maxLength: 5 });
    const arbitrary = fc.record({
      repositories: fc.uniqueArray(name, { maxLength: 30 }),
      grants,
      ceiling: fc.option(grants, { nil: undefined }),
      visibilities,
      elsewhere: fc.uniqueArray(name, { maxLength: 10 }),
      after: fc.oneof(fc.constant(''), name),
      admin: fc.boolean(),
      pullsPublic: fc.boolean(),
    });
    const known = new Set<string>();
    await fc.assert(
      fc.asyncProperty(arbitrary, async ({ repositories, visibilities, elsewhere, after, admin, pullsPublic, ...rights }) => {
        for (const repository of repositories) if (!known.has(repository)) await addRepository(repository, known.size);
        for (const repository of repositories) known.add(repository);
        for (const { pattern } of await store.visibilities.list('', 1000)) await store.visibilities.remove(pattern, event);
        for (const { text, isPublic } of visibilities) await store.visibilities.put(text, isPublic, text.endsWith('*'), event);
        const compile = (given: readonly { text: string; actions: string }[]) =>
          compileGrants(given.flatMap(({ text, actions }) => toGrant(text, actions) ?? []));
        const principal: Principal = {
          ...anonymous({ pullsPublic, grants: compile(rights.grants) }),
          admin,
          ...(rights.ceiling ? { ceiling: compile(rights.ceiling) } : {}),
        };
        const { isPublic } = await loadVisibility(store);
        const closed = new Set(elsewhere);
        const expected: string[] = [];
        for (const repository of [...known].sort()) {
          const permission = {
            action: 'pull',
            repository,
            isPublic: !closed.has(repository) && (await isPublic(repository)),
          } as const;
          if (repository > after && permits(principal, permission)) expected.push(repository);
        }
        expect(await list(principal, after, closed)).toEqual(expected);
      }),
      { numRuns: 150 },
    );
  }, 120_000);

  test('cost reads in proportion to what they show', async () => {
    await Promise.all(Array.from({ length: 3000 }, (_, index) => addRepository(`other/app-${index}`, index)));
    await Promise.all(['mine/a', 'mine/b', 'zoo/free'].map((repository, index) => addRepository(repository, 5000 + index)));
    await store.visibilities.put('zoo/**', true, true, event);
    const principal = anonymous({
      pullsPublic: true,
      grants: compileGrants([toGrant('mine/**', 'pull')].filter((grant) => grant !== undefined)),
    });
    expect(await list(principal)).toEqual(['mine/a', 'mine/b', 'zoo/free']);
    expect(reads).toBeLessThanOrEqual(5);
  });
});
