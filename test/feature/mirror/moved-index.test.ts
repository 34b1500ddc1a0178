import { beforeEach, describe, expect, test } from '@jest/globals';
import { mediaTypes } from '../../../src/oci/media-types.ts';
import { descriptor, digestOf, newImage } from '../../support/images.ts';
import { useTagMirror } from '../../support/tag-mirror.ts';

const mirror = useTagMirror();

describe('a tag that has moved to another index', () => {
  /** Points the tag at a new index of images for these platforms. */
  function moveIndex(tag: string, platforms: readonly string[]) {
    const images = platforms.map(() => newImage());
    for (const { digest, manifest } of images) mirror.manifests.set(digest, manifest);
    const entries = images.map(({ manifest }, place) => {
      const [os, architecture] = (platforms[place] ?? '').split('/');
      return { ...descriptor(manifest, mediaTypes.ociManifest), platform: { os, architecture } };
    });
    const index = JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: entries });
    mirror.manifests.set(digestOf(index), index);
    mirror.tags.set(tag, digestOf(index));
    return { digest: digestOf(index), children: images.map(({ digest }) => digest) };
  }
  const platforms = ['linux/amd64', 'linux/arm64', 'windows/amd64', 'unknown/unknown'];
  let old: ReturnType<typeof moveIndex>;

  /** The tag's image for linux/amd64 and linux/arm64 is cached, and the tag is stale. */
  beforeEach(async () => {
    old = moveIndex('1', platforms);
    await mirror.ask('1');
    await Promise.all([mirror.pull(old.children[0]), mirror.pull(old.children[1]), mirror.pull(old.children[3])]);
    mirror.time += 61_000;
    mirror.requests = [];
  });

  test.each(['limited', 'unreachable', 'timeout', 'failed', 'busy', 'bad_content', 'login_refused'] as const)(
    'keeps the old image, which is whole, while the GET of a child is %s',
    async (code) => {
      const moved = moveIndex('1', platforms);
      mirror.refused.set(moved.children[1] ?? '', code);
      expect([await mirror.ask('1'), await mirror.ask('1', false)]).toEqual([
        [old.digest, 'STALE'],
        [old.digest, 'STALE'],
      ]);
      for (const child of old.children.slice(0, 2)) expect((await mirror.pull(child)).cache).toBe('HIT');
      await mirror.closeStores();
      await mirror.start();
      expect(await mirror.ask('1')).toEqual([old.digest, 'STALE']);
      mirror.refused.clear();
      mirror.time += 61_000;
      expect((await mirror.ask('1'))[0]).toBe(moved.digest);
      const calls = mirror.requests.length;
      for (const child of moved.children.slice(0, 2)) expect((await mirror.pull(child)).cache).toBe('HIT');
      expect(mirror.requests.length).toBe(calls);
    },
  );

  test('is fetched once, and of its children only those for platforms that were pulled', async () => {
    const moved = moveIndex('1', platforms);
    mirror.refused.set(moved.children[0] ?? '', 'limited');
    await mirror.ask('1');
    mirror.time += 6000;
    mirror.refused.clear();
    expect((await mirror.ask('1'))[0]).toBe(moved.digest);
    const times = (digest: string) => mirror.requests.filter((one) => one === `GET manifests/${digest}`).length;
    expect([moved.digest, ...moved.children].map(times)).toEqual([1, 2, 1, 0, 0]);
  });

  test('gets the new index where the upstream itself says that it does not have a child', async () => {
    const moved = moveIndex('1', platforms);
    mirror.manifests.delete(moved.children[1] ?? '');
    expect((await mirror.ask('1'))[0]).toBe(moved.digest);
    expect((await mirror.pull(moved.children[0])).cache).toBe('HIT');
  });

  test('gets the new manifest at once where it has none of the platforms that were pulled', async () => {
    const other = moveIndex('1', ['linux/s390x']);
    mirror.refused.set(other.children[0] ?? '', 'limited');
    expect((await mirror.ask('1'))[0]).toBe(other.digest);
    mirror.time += 61_000;
    const image = mirror.move('1');
    expect((await mirror.ask('1'))[0]).toBe(image);
    mirror.time += 61_000;
    const again = moveIndex('1', platforms);
    for (const child of again.children) mirror.refused.set(child, 'limited');
    expect((await mirror.ask('1'))[0]).toBe(again.digest);
  });

  test('keeps the old image also when another client has fetched the new index by its digest', async () => {
    const moved = moveIndex('1', platforms);
    await mirror.pull(moved.digest);
    mirror.refused.set(moved.children[0] ?? '', 'limited');
    expect(await mirror.ask('1')).toEqual([old.digest, 'STALE']);
  });
});
