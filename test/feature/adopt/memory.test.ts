import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { adopt } from '../../../src/maintenance/adopt/adopt.ts';
import { blobKey } from '../../../storage/blobs/layout.ts';
import { layerLink } from '../../../storage/blobs/distribution-links.ts';
import { StorageError, type StoredEntry } from '../../../storage/blobs/driver.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { createSqliteStore } from '../../../storage/metadata/sqlite/sqlite-store.ts';
import { digestOf } from '../../support/images.ts';

const pageSize = 50;
const shardsAtOnce = 4;

/** Adopts `count` blobs and links. Resolves to the largest number of listed entries that no page had recorded yet. */
async function largestBacklog(count: number): Promise<number> {
  const directory = await mkdtemp(join(tmpdir(), 'berth-adoption-'));
  const metadata = await createSqliteStore({ file: join(directory, 'metadata.sqlite') });
  const digests = Array.from({ length: count }, (_, index) => digestOf(String(index))).sort();
  const links = digests.map((digest, index) => layerLink(`${'abcd'.charAt(index % 4)}/app`, digest));
  const paths: readonly string[] = [...digests.map(blobKey), ...links.sort()];
  let backlog = 0;
  let largest = 0;
  const recorded = async <Result>(size: number, work: Promise<Result>): Promise<Result> => {
    const result = await work;
    backlog -= size;
    return result;
  };
  const driver = {
    async *listEntries(prefix: string, { startAfter = '' } = {}): AsyncGenerator<StoredEntry> {
      for (const path of paths) {
        if (!path.startsWith(prefix) || path <= startAfter) continue;
        largest = Math.max(largest, ++backlog);
        yield await Promise.resolve({ path, kind: 'object', sizeBytes: 71, modifiedAt: new Date(0) });
      }
    },
    read: () => Promise.reject(new StorageError('not_found', 'read')),
    stat: () => Promise.reject(new StorageError('not_found', 'stat')),
  };
  const { adoptionBlobs, adoptionLinks } = metadata;
  const counting: MetadataStore = {
    ...metadata,
    adoptionBlobs: { ...adoptionBlobs, store: (page) => recorded(page.blobs.length, adoptionBlobs.store(page)) },
    adoptionLinks: { ...adoptionLinks, store: (page) => recorded(page.links.length, adoptionLinks.store(page)) },
  };
  const defaults = { now: Date.now, maxManifestBytes: 1, includesCache: false, signal: new AbortController().signal };
  await adopt({ driver, metadata: counting, ...defaults, pageSize, onProgress: () => undefined });
  expect(await metadata.distribution.listBlobs('a/app' as never, '', count)).toHaveLength(count / 4);
  await metadata.close();
  await rm(directory, { recursive: true });
  return largest;
}

test('an adoption holds a few pages of the listing, however many objects there are', async () => {
  // Each shard also sees the first entry of the next one, and the inspection looks at one entry.
  const ahead = 2 * 45 + 1;
  expect(await largestBacklog(800)).toBeLessThanOrEqual(shardsAtOnce * pageSize + ahead);
  expect(await largestBacklog(4000)).toBeLessThanOrEqual(shardsAtOnce * pageSize + ahead);
});
