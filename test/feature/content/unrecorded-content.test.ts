import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createTrash, graceMilliseconds, storeThenRecord } from '../../../src/content/trash.ts';
import type { BlobDriver } from '../../../storage/blobs/driver.ts';
import { createFilesystemDriver } from '../../../storage/blobs/filesystem/filesystem-driver.ts';
import { blobKey } from '../../../storage/blobs/layout.ts';
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
    blobs: { find: () => Promise.resolve(isRecorded ? { sizeBytes: bytes.length } : undefined) },
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
});
