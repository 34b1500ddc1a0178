import { expect, test } from '@jest/globals';
import { plain } from '../../support/plain.ts';
import { type CurrentDatabase, author, content, deletion, digest, newManifest, race, writesTo } from './fixtures.ts';

/** Tests concurrent writes to content, of one process and of several. */
export function testConcurrentWrites(current: CurrentDatabase): void {
  const { blob, manifest } = writesTo(current);

  test('a blob is never unlinked while a manifest that needs it arrives', () =>
    race(current, async (one, other, repository) => {
      await blob(repository, 'a');
      const [put, unlink] = await Promise.all([
        one.manifests.put(newManifest(repository, 'm', { blobs: [content('a')] })),
        other.blobs.unlink(repository, digest('a'), author),
      ]);
      expect(put.missing.length === 0).toBe(!unlink.unlinked);
    }));

  test('a manifest is never deleted while an index that needs it arrives', () =>
    race(current, async (one, other, repository) => {
      await manifest(repository, 'm', { tags: ['x'] });
      const [put, { outcome }] = await Promise.all([
        one.manifests.put(newManifest(repository, 'i', { children: [content('m')], tags: ['y'] })),
        other.deletions.put(deletion(repository, 'm')),
      ]);
      expect(put.missing.length === 0).toBe(outcome === 'needed');
      expect(await current.store.tags.list(repository, '', 10)).toEqual(outcome === 'deleted' ? [] : ['x', 'y']);
    }));

  test('a tag that moves while its old manifest is deleted points at the new one', () =>
    race(current, async (one, other, repository) => {
      await manifest(repository, 'm', { tags: ['x'] });
      await Promise.all([
        one.manifests.put(newManifest(repository, 'n', { tags: ['x'] })),
        other.deletions.put(deletion(repository, 'm')),
      ]);
      expect((await current.store.manifests.findByTag(repository, 'x'))?.digest).toBe(digest('n'));
    }));

  test('every acknowledged write of many writers in two processes is stored', async () => {
    const second = plain(await current.database.reopen());
    await Promise.all(
      Array.from({ length: 32 }, async (_, index) => {
        const writer = index % 2 === 0 ? current.store : second;
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

  test('a failed write changes nothing and fails no concurrent write', async () => {
    await current.store.uploads.create('taken', 'app', 'sha256', 1);
    const outcomes = await Promise.allSettled([
      current.store.uploads.create('one', 'app', 'sha256', 1),
      current.store.uploads.create('taken', 'app', 'sha256', 1),
      current.store.uploads.create('two', 'app', 'sha256', 1),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect((await current.store.uploads.find('two'))?.id).toBe('two');
  });
}

/** Tests what processes that share a database see of each other. */
export function testProcesses(current: CurrentDatabase): void {
  test('a read sees every resolved write of every process', async () => {
    const other = plain(await current.database.reopen());
    for (let round = 0; round < 20; round++) {
      await current.store.uploads.create(`u${round}`, 'app', 'sha256', 1);
      expect((await other.uploads.find(`u${round}`))?.id).toBe(`u${round}`);
    }
    await Promise.all([
      other.uploads.create('mine', 'app', 'sha256', 1),
      current.store.uploads.create('yours', 'app', 'sha256', 1),
    ]);
    expect([(await current.store.uploads.find('mine'))?.id, (await other.uploads.find('yours'))?.id]).toEqual(['mine', 'yours']);
    await other.close();
  });

  test('several processes can open the store at the same time', async () => {
    const others = await Promise.all(Array.from({ length: 4 }, async () => plain(await current.database.reopen())));
    await Promise.all(others.map((other, index) => other.uploads.create(`u${index}`, 'app', 'sha256', 1)));
    expect(await current.store.uploads.listStartedBefore(2, 10)).toHaveLength(4);
    await Promise.all(others.map((other) => other.close()));
  });

  test('close waits for running writes, and every later call rejects closed', async () => {
    const other = plain(await current.database.reopen());
    const writes = Array.from({ length: 50 }, (_, index) => other.uploads.create(`u${index}`, 'app', 'sha256', 1));
    await other.close();
    await Promise.all(writes);
    expect(await current.store.uploads.listStartedBefore(2, 100)).toHaveLength(50);
    await expect(other.uploads.find('u1')).rejects.toMatchObject({ code: 'closed' });
    await expect(other.uploads.remove('u1')).rejects.toMatchObject({ code: 'closed' });
    await other.close();
  });
}
