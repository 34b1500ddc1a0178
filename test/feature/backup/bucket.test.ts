import { expect, test } from '@jest/globals';
import { loadConfig } from '../../../config/load.ts';
import { openBlobStore } from '../../../src/assembly/blob-store.ts';
import { openBackupStore } from '../../../src/assembly/backups.ts';
import { backupName } from '../../../src/maintenance/backup/backup-store.ts';
import { s3Settings } from '../../support/blobs.ts';
import { describeWith } from '../../support/requires.ts';
import { createBucket, s3Programs } from '../../support/s3-server.ts';

// eslint-disable-next-line @typescript-eslint/require-await -- a source of bytes is asynchronous
async function* bytesOf(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

describeWith(s3Programs, 'backups in S3', () => {
  test('are kept in the bucket of the blobs, or in backup.bucket', async () => {
    const [blobs, other] = await Promise.all([createBucket(), createBucket()]);
    const names = [1, 2].map((day) => backupName(Date.UTC(2026, 0, day)));
    for (const [settings, keys] of [
      [{}, names.map((name) => `backups/${name}`)],
      [{ BERTH_BACKUP_BUCKET: other.name }, names],
    ] as const) {
      const config = loadConfig({ file: undefined, environment: { ...s3Settings(blobs), ...settings } });
      const driver = await openBlobStore(config.storage.blobs);
      const { store, close } = await openBackupStore(config, driver);
      for (const name of names) expect(await store.write(name, bytesOf(name))).toBe(name.length);
      expect(await store.list()).toEqual([
        { name: names[1], beganAt: Date.UTC(2026, 0, 2), sizeBytes: names[1]?.length },
        { name: names[0], beganAt: Date.UTC(2026, 0, 1), sizeBytes: names[0]?.length },
      ]);
      const read: Uint8Array[] = [];
      for await (const chunk of store.read(names[0] ?? '')) read.push(Uint8Array.from(chunk));
      expect(Buffer.concat(read).toString()).toBe(names[0]);
      const bucket = 'BERTH_BACKUP_BUCKET' in settings ? other : blobs;
      const { Contents = [] } = await bucket.s3.listObjectsV2({ Bucket: bucket.name });
      expect(Contents.map(({ Key }) => Key)).toEqual(keys);
      await store.remove(names[0] ?? '');
      expect((await store.list()).map(({ name }) => name)).toEqual([names[1]]);
      await close();
      await driver.close();
    }
    await Promise.all([blobs.remove(), other.remove()]);
  }, 180_000);
});
