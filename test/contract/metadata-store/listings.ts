import { expect, test } from '@jest/globals';
import { type CurrentDatabase, digest, writesTo } from './fixtures.ts';

/** Tests listings, referrers and the search. */
export function testListings(current: CurrentDatabase): void {
  const { blob, manifest } = writesTo(current);

  test('listings are in ascending order of bytes, page by page', async () => {
    const tags = ['Z', '_', 'a', 'a-', 'a.b', 'aB', 'ab', 'v1', 'v10', 'v2'];
    await manifest('app', 'm', { tags: [...tags].reverse() });
    for (const repository of ['b', 'a/b', 'a-b', 'a']) await blob(repository, 'a');
    expect(await current.store.tags.list('app', '', 100)).toEqual(tags);
    expect(await current.store.tags.list('app', 'a-', 3)).toEqual(['a.b', 'aB', 'ab']);
    expect(await current.store.tags.list('app', "' OR 1=1 --", 2)).toEqual(['Z', '_']);
    expect(await current.store.repositories.list('', 100)).toEqual(['a', 'a-b', 'a/b', 'app', 'b']);
    expect(await current.store.repositories.list('a-b', 1)).toEqual(['a/b']);
  });

  test('referrers are listed by subject and artifact type', async () => {
    const subject = digest('s');
    await manifest('app', 'c', { subject, artifactType: 't/1', annotations: '{"k":"v"}' });
    await manifest('app', 'b', { subject, artifactType: 't/2' });
    await manifest('other', 'd', { subject, artifactType: 't/1' });
    const all = await current.store.manifests.listReferrers('app', subject, undefined, '', 10);
    expect(all.map((one) => [one.digest, one.artifactType, one.annotations])).toEqual([
      [digest('b'), 't/2', null],
      [digest('c'), 't/1', '{"k":"v"}'],
    ]);
    expect((await current.store.manifests.listReferrers('app', subject, 't/1', '', 10)).map((one) => one.digest)).toEqual([
      digest('c'),
    ]);
    expect(
      (await current.store.manifests.listReferrers('app', subject, undefined, digest('b'), 10)).map((one) => one.digest),
    ).toEqual([digest('c')]);
  });

  test('the sizes of referrers have the order of the listing', async () => {
    const subject = digest('s');
    await manifest('app', 'b', { subject, artifactType: 't/2', annotations: JSON.stringify({ large: 'ä'.repeat(5000) }) });
    await manifest('app', 'a', { subject, artifactType: 't/1' });
    const [small = 0, large = 0, ...none] = await current.store.manifests.listReferrerSizes('app', subject, undefined, '', 10);
    expect([large - small, none]).toEqual([10_012, []]);
    expect(await current.store.manifests.listReferrerSizes('app', subject, 't/1', '', 10)).toEqual([small]);
    expect(await current.store.manifests.listReferrerSizes('app', subject, undefined, '', 1)).toEqual([small]);
  });

  test('repositories are found by a part of their names, also if it has a wildcard of the database', async () => {
    for (const name of ['a_b', 'axb', 'team/a_b']) await blob(name, 'a');
    expect(await current.store.repositories.search('a_b', 9)).toEqual(['a_b', 'team/a_b']);
    expect(await current.store.repositories.search('', 2)).toEqual(['a_b', 'axb']);
    for (const text of ['%', '\\', "'"]) expect(await current.store.repositories.search(text, 9)).toEqual([]);
  });

  test('the annotations of a repository are those of the tag latest, or of its last tag', async () => {
    await manifest('app', 'a', { tags: ['1', 'y'], annotations: '{"of":"a"}' });
    expect(await current.store.manifests.findAnnotations('app')).toEqual({ annotations: '{"of":"a"}' });
    await manifest('app', 'b', { tags: ['latest'], annotations: '{"of":"b"}' });
    expect(await current.store.manifests.findAnnotations('app')).toEqual({ annotations: '{"of":"b"}' });
    expect(await current.store.manifests.findAnnotations('none')).toBeUndefined();
    await manifest('app', 'c', { tags: ['latest'], annotations: JSON.stringify({ large: 'ä'.repeat(40_000) }) });
    expect(await current.store.manifests.findAnnotations('app')).toEqual({ annotations: null });
  });
}
