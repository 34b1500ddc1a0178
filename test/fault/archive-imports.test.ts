import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Target } from '../../src/archives/in/targets.ts';
import { proposeTargets } from '../../src/archives/in/targets.ts';
import type { Tag } from '../../src/oci/reference.ts';
import { type TestImports, chunksOf, openImports, sender } from '../support/archive-imports.ts';
import { legacyEntries, ociEntries } from '../support/archives.ts';
import { digestOf } from '../support/images.ts';
import { realImage } from '../support/real-image.ts';
import { tarOf } from '../support/tar.ts';

let opened: TestImports;
beforeAll(async () => {
  opened = await openImports();
});
afterAll(() => opened.close());

const { repository, owner } = sender;
const image = realImage({ hello: 'hello\n', random: randomBytes(30_000) });
const archives = { 'OCI layout': ociEntries({ 'team/app:1': image }), 'docker save': legacyEntries({ 'team/app:1': image }) };
const keepsTags = () => false;

test.each(Object.entries(archives))(
  'an upload of an archive (%s) that breaks off at any of 100 places leaves nothing',
  async (_title, items) => {
    const bytes = tarOf(items);
    for (let place = 0; place < 100; place++) {
      const cut = Math.floor((bytes.length * place) / 100);
      await expect(opened.imports.receive(chunksOf(bytes, 5_000, cut), sender)).rejects.toThrow('the connection was lost');
      expect([cut, await opened.leftovers()]).toEqual([cut, 0]);
    }
  },
);

test('another process commits an archive, and a commit that broke off can be repeated', async () => {
  const { id } = await opened.imports.receive(chunksOf(tarOf(archives['OCI layout'])), sender);
  const other = opened.another();
  const archive = await other.find(id, owner);
  const [target] = proposeTargets(archive.plan.images, repository) as [Target];
  const first = { ...target, tag: 'first' as Tag };
  // A session that is gone.
  const [session] = Object.values(archive.plan.blobs);
  await opened.registry.uploads
    .finish({ id: session?.session ?? '', repository, owner }, image.descriptor.digest)
    .catch(() => undefined);
  await expect(other.commit({ archive, owner, targets: [first], keepsTags })).rejects.toMatchObject({
    code: 'BLOB_UPLOAD_UNKNOWN',
  });
  expect(await opened.metadata.manifests.findByTag(repository, 'first')).toBeUndefined();
  await other.cancel(id, owner);
  // A commit that ended after the config.
  const again = await opened.imports.receive(chunksOf(tarOf(archives['OCI layout'])), sender);
  const config = again.plan.blobs[digestOf(image.config)]?.session ?? '';
  await opened.registry.uploads.finish({ id: config, repository, owner }, digestOf(image.config));
  await other.commit({ archive: again, owner, targets: [first], keepsTags });
  expect(await opened.metadata.manifests.findByTag(repository, 'first')).toMatchObject({ digest: image.descriptor.digest });
  expect(await opened.leftovers()).toBe(0);
});

test('an archive without a commit expires with its content', async () => {
  const { id } = await opened.imports.receive(chunksOf(tarOf(archives['docker save'])), sender);
  expect(await opened.leftovers()).toBeGreaterThan(0);
  const later = Date.now() + 1000;
  expect(await opened.metadata.archives.expire(later)).toBe(1);
  await opened.registry.uploads.expire(later);
  expect(await opened.leftovers()).toBe(0);
  await expect(opened.imports.find(id, owner)).rejects.toMatchObject({ code: 'BLOB_UPLOAD_UNKNOWN' });
});

test('layers that are compressed on the way have the same digest, however the archive arrives', async () => {
  const digests = new Set<string>();
  for (const size of [100, 4096, 100_000]) {
    const { id, plan } = await opened.imports.receive(chunksOf(tarOf(archives['docker save']), size), sender);
    digests.add(plan.images[0]?.digest ?? '');
    await opened.imports.cancel(id, owner);
  }
  expect(digests.size).toBe(1);
});
