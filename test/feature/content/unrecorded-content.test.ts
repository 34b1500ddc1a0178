import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { createTrash, graceMilliseconds, storeThenRecord } from '../../../src/content/trash.ts';
import type { BlobDriver } from '../../../storage/blobs/driver.ts';
import { createFilesystemDriver } from '../../../storage/blobs/filesystem/filesystem-driver.ts';
import { blobKey, trashKey } from '../../../storage/blobs/layout.ts';
import { MetadataError, type MetadataStore } from '../../../storage/metadata/store.ts';
import { digestOf } from '../../support/images.ts';

describe('content whose record fails', () => {
  const bytes = randomBytes(1000);
  const digest = digestOf(bytes);
  let directory: string;
  let driver: BlobDriver;
  let isRecorded: boolean;
  let time: number;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'berth-content-'));
    driver = await createFilesystemDriver({ directory });
    isRecorded = false;
    time = 1_000_000;
  });
  afterEach(async () => {
    await driver.close();
    await rm(directory, { recursive: true });
  });

  const metadata = {
    blobs: { isRecorded: () => Promise.resolve(isRecorded) },
    claims: { take: () => Promise.resolve(true), isClaimed: () => Promise.resolve(false) },
  } as unknown as MetadataStore;

  const push = (record: () => Promise<void>) =>
    storeThenRecord({ driver, metadata, now: Date.now }, { digest, store: () => driver.put(blobKey(digest), bytes), record });

  const pushWithoutSpace = () =>
    push(() => Promise.reject(new MetadataError('no_space', 'the metadata store has no space left')));

  async function listKeys(): Promise<readonly string[]> {
    const keys: string[] = [];
    for await (const key of driver.list('')) keys.push(key);
    return keys;
  }

  /** Runs the trash until its grace is over. */
  async function emptyTrash(): Promise<void> {
    const trash = createTrash({ driver, metadata, now: () => time });
    await trash.empty();
    time += graceMilliseconds;
    await trash.empty();
  }

  test('a blob without space for its record gives its own space back', async () => {
    await expect(pushWithoutSpace()).rejects.toMatchObject({ code: 'no_space' });
    await emptyTrash();
    expect(await listKeys()).toEqual([]);
  });

  test('a blob that another record needs stays when there is no space for a second record', async () => {
    isRecorded = true;
    await expect(pushWithoutSpace()).rejects.toMatchObject({ code: 'no_space' });
    expect(await listKeys()).toEqual([blobKey(digest)]);
  });

  test('a blob that another client records meanwhile is put back', async () => {
    await expect(pushWithoutSpace()).rejects.toMatchObject({ code: 'no_space' });
    isRecorded = true;
    await emptyTrash();
    expect(await listKeys()).toEqual([blobKey(digest)]);
  });

  test('a blob whose record failed because the metadata store is away stays for the next try', async () => {
    const failed = push(() => Promise.reject(new MetadataError('unavailable', 'away')));
    await expect(failed).rejects.toMatchObject({ code: 'unavailable' });
    expect(await listKeys()).toEqual([blobKey(digest)]);
  });

  describe('while it takes long', () => {
    let elapsed: number;
    beforeEach(() => {
      elapsed = 0;
      jest.spyOn(performance, 'now').mockImplementation(() => elapsed);
    });
    afterEach(() => void jest.restoreAllMocks());

    /** Records in so long a time that the trash may have missed the record; `lose` is called before the first record. */
    const pushSlowly = (lose: () => Promise<unknown>) => {
      let records = 0;
      return push(async () => {
        if (records++ === 0) await lose();
        elapsed += graceMilliseconds;
      }).then(() => records);
    };

    test('bytes that are deleted meanwhile are stored and recorded again, and no record is deleted', async () => {
      expect(await pushSlowly(() => driver.delete([blobKey(digest)]))).toBe(2);
      expect(await listKeys()).toEqual([blobKey(digest)]);
    });

    test('bytes that are set aside meanwhile are put back', async () => {
      expect(await pushSlowly(() => driver.move(blobKey(digest), trashKey(digest)))).toBe(1);
      expect(await listKeys()).toEqual([blobKey(digest)]);
    });

    test('bytes that vanish again and again are an error', async () => {
      const lost = push(async () => {
        elapsed += graceMilliseconds;
        await driver.delete([blobKey(digest)]);
      });
      await expect(lost).rejects.toMatchObject({ code: 'unavailable' });
    });
  });

  test('bytes in the trash whose writer records them between two lookups of the trash are put back', async () => {
    await driver.put(trashKey(digest), bytes);
    let lookups = 0;
    const recordedAtFirstLookup = {
      blobs: { isRecorded: () => Promise.resolve(lookups++ > 0) },
      claims: { isClaimed: () => Promise.resolve(lookups++ === 0) },
    } as unknown as MetadataStore;
    const trash = createTrash({ driver, metadata: recordedAtFirstLookup, now: () => time });
    lookups = -2;
    await trash.empty();
    time += graceMilliseconds;
    lookups = 0;
    await trash.empty();
    expect(await listKeys()).toEqual([blobKey(digest)]);
  });
});
