import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createCollector } from '../../../src/maintenance/collect/collector.ts';
import { type Difference, compareStore } from '../../../src/maintenance/verify/compare-store.ts';
import { createTrash } from '../../../src/content/trash.ts';
import { createFilesystemDriver } from '../../../storage/blobs/filesystem/filesystem-driver.ts';
import { blobKey } from '../../../storage/blobs/layout.ts';
import type { BlobDriver } from '../../../storage/blobs/driver.ts';
import { digestOf, pushBlob, pushImage } from '../../support/images.ts';
import { type VerifiedRegistry, damage, openVerifiedRegistry } from '../../support/verification.ts';

const hour = 3_600_000;

let directory: string;
let registry: VerifiedRegistry;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-compare-'));
  registry = await openVerifiedRegistry(() => createFilesystemDriver({ directory }));
});
afterEach(async () => {
  await registry.close();
  await rm(directory, { recursive: true });
});

async function compare(driver = registry.driver, graceMilliseconds = hour): Promise<readonly Difference[]> {
  const { metadata, clock } = registry;
  const found: Difference[] = [];
  for await (const one of compareStore({ driver, metadata, now: () => clock.time, graceMilliseconds })) found.push(one);
  return found;
}

async function putOrphan(text: string) {
  const digest = digestOf(text);
  await registry.driver.put(blobKey(digest), Buffer.from(text));
  return digest;
}

test('a store that agrees with the records has no differences', async () => {
  for (let index = 0; index < 20; index++) await pushImage(registry.server, 'app', `${index}`);
  registry.clock.time += 2 * hour;
  expect(await compare()).toEqual([]);
});

test('orphans, missing bytes, wrong sizes and foreign files are named', async () => {
  const image = await pushImage(registry.server, 'app', '1');
  const missing = digestOf(image.layer);
  await damage(registry.driver, missing, () => undefined);
  await damage(registry.driver, image.digest, () => Buffer.from('short'));
  const orphan = await putOrphan('orphan');
  const blobs = join(directory, 'docker/registry/v2/blobs');
  await mkdir(join(blobs, 'sha256/zz'), { recursive: true });
  await writeFile(join(blobs, 'sha256/zz/a file of somebody'), '');
  await writeFile(join(blobs, 'README'), '');
  await symlink('README', join(blobs, 'link'));
  registry.clock.time += 2 * hour;
  const found = await compare();
  expect(new Set(found.map((one) => `${one.kind} ${one.kind === 'foreign' ? one.path.slice(25) : one.digest}`))).toEqual(
    new Set([
      `orphan ${orphan}`,
      `missing ${missing}`,
      `wrong_size ${image.digest}`,
      'foreign README',
      'foreign link',
      'foreign sha256/zz/a file of somebody',
    ]),
  );
});

test('bytes that are younger than the grace, claimed or being deleted are no orphans', async () => {
  await putOrphan('young');
  expect(await compare()).toEqual([]);
  registry.clock.time += 2 * hour;
  expect(await compare()).toHaveLength(1);
  await registry.metadata.claims.take(digestOf('young'), 'writer', registry.clock.time, registry.clock.time + 1);
  expect(await compare()).toEqual([]);
  const later = registry.clock.time + 9 * hour;
  await registry.metadata.collection.step({ now: later, limit: 9, purger: 'one', until: later });
  expect(await compare()).toEqual([]);
});

test('content that is pushed or deleted during the comparison is no difference', async () => {
  const deleted = await pushBlob(registry.server, 'app', 'deleted');
  registry.clock.time += 2 * hour;
  let isFirst = true;
  const changing: BlobDriver = {
    ...registry.driver,
    async *listEntries(prefix, options) {
      if (isFirst) {
        isFirst = false;
        for (let index = 0; index < 5; index++) await pushBlob(registry.server, 'app', `pushed ${index}`);
        await registry.metadata.blobs.unlink('app' as never, deleted, { actor: '', address: '', at: 1 });
        const later = Number.MAX_SAFE_INTEGER;
        await registry.metadata.collection.step({ now: later, limit: 1, purger: 'one', until: later });
        await registry.driver.delete([blobKey(deleted)]);
      }
      yield* registry.driver.listEntries(prefix, options);
    },
  };
  expect(await compare(changing)).toEqual([]);
});

test('the collector deletes reported orphans, but not one that was pushed meanwhile', async () => {
  const orphan = await putOrphan('orphan');
  const pushed = await putOrphan('pushed');
  registry.clock.time += 2 * hour;
  const found = await compare();
  expect(found).toHaveLength(2);
  const { driver, metadata, clock } = registry;
  await pushBlob(registry.server, 'app', 'pushed');
  await metadata.reviews.addForBytes([orphan, pushed], clock.time);
  const now = () => clock.time;
  const collector = createCollector({
    driver,
    metadata,
    trash: createTrash({ driver, metadata, now }),
    now,
    maxPerSecond: 100_000,
    trashWindowMs: 0,
    events: { purged: () => undefined, trashed: () => undefined, failed: () => undefined },
  });
  expect(await collector.run()).toMatchObject({ purgedBlobs: 1, failures: 0 });
  expect((await registry.contents()).map(({ digest }) => digest)).toEqual([pushed]);
  expect(await compare()).toEqual([]);
});
