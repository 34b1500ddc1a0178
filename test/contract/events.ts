import { expect, test } from '@jest/globals';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import type { Plain } from '../support/plain.ts';
import { deletion as newDeletion, digest, newManifest } from './metadata-store/fixtures.ts';

const all = Number.MAX_SAFE_INTEGER;

/** What a store promises about events and their consumers. */
export function testEvents(store: () => Plain<MetadataStore>): void {
  const author = { actor: 'alice', address: '127.0.0.1', requestId: 'r1', at: 5 };
  const push = (letter: string, ...tags: readonly string[]) =>
    store().manifests.put(newManifest('app', letter, { tags, now: 5, author }));
  const deletion = (letter: string) => newDeletion('app', letter, { author });
  const contents = async () =>
    (await store().events.list(0, all, 100)).map(({ kind, content }) => ({ kind, digest: content?.digest, tags: content?.tags }));
  const login = (at: number) =>
    store().audit.record([{ at, actor: 'bob', address: '', action: 'login', target: 'bob', result: 'done' }]);

  test('each change of content is one event, with its author, request, digest and tags', async () => {
    await push('a', '1');
    expect(await store().events.list(0, all, 10)).toEqual([
      {
        id: expect.any(Number),
        at: 5,
        kind: 'manifest.push',
        actor: 'alice',
        address: '127.0.0.1',
        target: 'app',
        result: 'done',
        requestId: 'r1',
        detail: null,
        content: { repository: 'app', digest: digest('a'), tags: [{ name: '1', before: null }] },
      },
    ]);
    await push('b', '2', '1');
    await push('c');
    await store().tags.remove('app', '2', author);
    await store().tags.remove('app', 'none', author);
    await store().deletions.put(deletion('b'));
    await store().blobs.commit('app', digest('d'), 1, 'no upload', 5);
    await store().blobs.mount('app', 'other', digest('d'), author);
    await store().blobs.unlink('app', digest('d'), author);
    expect((await contents()).slice(1)).toEqual([
      {
        kind: 'manifest.push',
        digest: digest('b'),
        tags: [
          { name: '1', before: digest('a') },
          { name: '2', before: null },
        ],
      },
      { kind: 'manifest.push', digest: digest('c'), tags: [] },
      { kind: 'tag.delete', digest: digest('b'), tags: [{ name: '2', before: digest('b') }] },
      { kind: 'manifest.delete', digest: digest('b'), tags: [{ name: '1', before: digest('b') }] },
      { kind: 'blob.mount', digest: digest('d'), tags: [] },
      { kind: 'blob.delete', digest: digest('d'), tags: [] },
    ]);
  });

  test('a manifest with very many tags is deleted with several events, which name all of them', async () => {
    const tags = Array.from({ length: 501 }, (_, index) => `t${String(index).padStart(3, '0')}`);
    await push('a', ...tags);
    await store().deletions.put(deletion('a'));
    const [, ...deletions] = await contents();
    expect(deletions.map(({ tags }) => tags?.length)).toEqual([500, 1]);
    expect(deletions.flatMap((event) => event.tags?.map(({ name }) => name))).toEqual(tags);
  });

  test('a push that is refused leaves no event', async () => {
    const check = await store().manifests.putKeepingTags(
      {
        repository: 'app',
        digest: digest('a'),
        mediaType: 'm',
        sizeBytes: 1,
        artifactType: null,
        subject: null,
        annotations: null,
        blobs: [{ digest: digest('x'), sizeBytes: 1 }],
        children: [],
        acceptMissing: false,
        tags: ['1'],
        now: 5,
        author,
      },
      ['1'],
    );
    expect(check.missing).toEqual([digest('x')]);
    expect(await store().events.newest()).toBe(0);
  });

  test('events are read in pages after an id, up to another', async () => {
    for (let at = 1; at <= 4; at++) await login(at);
    const ids = (await store().events.list(0, all, 100)).map(({ id }) => id);
    expect((await store().events.list(0, all, 2)).map(({ id }) => id)).toEqual(ids.slice(0, 2));
    expect((await store().events.list(ids[1] ?? 0, ids[2] ?? 0, 100)).map(({ at }) => at)).toEqual([3]);
    expect([await store().events.newest(), await store().events.lastSettled()]).toEqual([ids[3], ids[3]]);
  });

  test('a consumer begins with the next event, and its position never moves back', async () => {
    await login(1);
    expect(await store().events.findConsumer('links')).toBeUndefined();
    await store().events.addConsumer('links');
    const begin = await store().events.newest();
    expect(await store().events.findConsumer('links')).toEqual({ position: begin, waitingSince: null });
    await login(7);
    await login(8);
    await store().events.addConsumer('links');
    expect(await store().events.findConsumer('links')).toEqual({ position: begin, waitingSince: 7 });
    await store().events.advance('links', begin + 1);
    await store().events.advance('links', begin);
    expect(await store().events.findConsumer('links')).toEqual({ position: begin + 1, waitingSince: 8 });
    await store().events.removeConsumer('links');
    expect(await store().events.findConsumer('links')).toBeUndefined();
  });

  test('old events are deleted oldest first, and never before all consumers have handled them', async () => {
    await store().events.addConsumer('slow');
    await store().events.addConsumer('fast');
    for (let at = 1; at <= 5; at++) await login(at);
    const ids = (await store().events.list(0, all, 100)).map(({ id }) => id);
    const left = async () => (await store().events.list(0, all, 100)).map(({ at }) => at);
    await store().events.advance('fast', ids[4] ?? 0);
    expect(await store().events.prune(100, 10)).toBe(0);
    await store().events.advance('slow', ids[2] ?? 0);
    expect(await store().events.prune(100, 2)).toBe(2);
    expect(await left()).toEqual([3, 4, 5]);
    expect(await store().events.prune(100, 2)).toBe(1);
    expect(await store().events.prune(100, 2)).toBe(0);
    await store().events.removeConsumer('slow');
    expect(await store().events.prune(5, 10)).toBe(1);
    expect(await left()).toEqual([5]);
  });

  test('the use of a token and its login are one write', async () => {
    await store().tokens.touch('k', 5, { at: 5, actor: 'bob', address: '', action: 'login', target: 'bob', result: 'done' });
    await store().tokens.touch('k', 6);
    expect((await store().audit.list({}, all, 10)).map(({ action, actor }) => `${action} ${actor}`)).toEqual(['login bob']);
  });
}
