import { expect, test } from '@jest/globals';
import type { MirroredRepository } from '../../../src/mirror/names/routing.ts';
import { createUpstreamWaits } from '../../../src/mirror/remote/upstream-waits.ts';
import { createUpstreamVisibility } from '../../../src/mirror/visibility/upstream-visibility.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { gate, until } from '../../support/until.ts';

test('an upstream that hangs delays one check of whether a repository is public, not one for each repository', async () => {
  const waitOver = gate();
  let waiting = 0;
  const record = () => ({ byLogin: true, isPublic: true, checkedAt: 0, proof: null });
  const visibility = createUpstreamVisibility({
    metadata: {
      mirroredRepositories: { findVisibility: () => Promise.resolve(record()) },
    } as unknown as MetadataStore,
    view: { digestOf: () => new Promise(() => undefined), firstTag: () => new Promise(() => undefined) },
    now: () => 1_000_000,
    believedSeconds: 1,
    waits: createUpstreamWaits(5, () => {
      waiting++;
      return waitOver.opened;
    }),
    events: { visibilityNotRecorded: () => undefined },
  });
  const isPublic = (repository: string) =>
    visibility.isPublic(
      { repository, remoteName: repository, upstream: { name: 'ghcr.io', logins: [] } } as unknown as MirroredRepository,
      {
        tag: '1',
      } as never,
    );
  const first = isPublic('o/a');
  await until(() => waiting === 1);
  waitOver.open();
  expect(await first).toBe(true);
  expect([await isPublic('o/b'), await isPublic('o/c'), waiting]).toEqual([true, true, 1]);
});
