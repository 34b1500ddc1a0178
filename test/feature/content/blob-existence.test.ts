import { beforeEach, describe, expect, test } from '@jest/globals';
import { createBlobs } from '../../../src/registry/blobs.ts';
import { type BlobDriver, StorageError } from '../../../storage/blobs/driver.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { digestOf } from '../../support/images.ts';

describe('a HEAD of a pushed blob', () => {
  const digest = digestOf('blob');
  let time = 1_000_000;
  let lookups = 0;
  let stat: () => Promise<unknown>;

  function blobsOver(remote: boolean) {
    const driver = {
      capabilities: { remote },
      stat() {
        lookups++;
        return stat();
      },
    } as unknown as BlobDriver;
    return createBlobs({ driver, metadata: {} as MetadataStore, now: () => time });
  }

  beforeEach(() => {
    lookups = 0;
    stat = () => Promise.resolve({ sizeBytes: 4 });
  });

  test('asks a remote store once in five minutes, and local files each time', async () => {
    const [remote, local] = [blobsOver(true), blobsOver(false)];
    expect([await remote.isLost(digest, 4), await remote.isLost(digest, 4), lookups]).toEqual([false, false, 1]);
    time += 300_000;
    expect([await remote.isLost(digest, 4), lookups]).toEqual([false, 2]);
    expect([await local.isLost(digest, 4), await local.isLost(digest, 4), lookups]).toEqual([false, false, 4]);
  });

  test('asks a remote store again as long as it does not have the blob', async () => {
    const blobs = blobsOver(true);
    stat = () => Promise.reject(new StorageError('not_found', 'gone'));
    expect([await blobs.isLost(digest, 4), await blobs.isLost(digest, 4), lookups]).toEqual([true, true, 2]);
    stat = () => Promise.resolve({ sizeBytes: 3 });
    expect(await blobs.isLost(digest, 4)).toBe(true);
  });

  test('is answered from the records while a remote store is unavailable, and not while it denies access', async () => {
    const blobs = blobsOver(true);
    stat = () => Promise.reject(new StorageError('unavailable', 'away'));
    expect(await blobs.isLost(digest, 4)).toBe(false);
    stat = () => Promise.reject(new StorageError('denied', 'no'));
    await expect(blobs.isLost(digest, 4)).rejects.toMatchObject({ code: 'denied' });
  });
});
