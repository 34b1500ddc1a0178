import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { extend, hashing, startHash } from '../../src/registry/open-upload.ts';
import { type Appender, StorageError, objectKey } from '../../storage/blobs/driver.ts';
import { createFilesystemDriver } from '../../storage/blobs/filesystem/filesystem-driver.ts';
import { chunked } from '../contract/blob-driver/fixtures.ts';

/** An appender whose first append keeps no more than `keptBytes`. */
function forgetful(inner: Appender, keptBytes: number): Appender {
  let appends = 0;
  async function* cut(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    let left = keptBytes;
    for await (const chunk of source) {
      yield chunk.subarray(0, left);
      left -= Math.min(left, chunk.length);
    }
    throw new StorageError('unavailable', 'made to fail');
  }
  return {
    ...inner,
    get sizeBytes() {
      return inner.sizeBytes;
    },
    append: (source) => inner.append(++appends === 1 ? cut(source) : source),
  };
}

test('the hash of bytes that the store did not keep never passes for that of others in their place', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'berth-open-upload-'));
  const driver = await createFilesystemDriver({ directory });
  const appender = await driver.openAppender(objectKey('uploads/1'), { resume: false });
  const upload = hashing(forgetful(appender, 600), { algorithm: 'sha256' });
  const [first, second] = [randomBytes(1000), randomBytes(400)];
  await expect(upload.append(chunked(first, 100))).rejects.toThrow('made to fail');
  expect(upload.sizeBytes).toBe(600);
  await upload.append(chunked(second, 100));
  const kept = Buffer.concat([first.subarray(0, 600), second]);
  expect(await upload.digest('sha256')).toBe(`sha256:${createHash('sha256').update(kept).digest('hex')}`);
  await upload.abort();
  await driver.close();
  await rm(directory, { recursive: true });
});

test('a hash of other bytes than the session has never passes for that of bytes appended later', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'berth-open-upload-'));
  const driver = await createFilesystemDriver({ directory });
  const appender = await driver.openAppender(objectKey('uploads/1'), { resume: false });
  const lost = randomBytes(1000);
  const hashed = extend(startHash('sha256'), lost);
  const upload = hashing(appender, { algorithm: 'sha256', hashed });
  const kept = randomBytes(1000);
  await upload.append(chunked(kept, 100));
  expect(await upload.digest('sha256')).toBe(`sha256:${createHash('sha256').update(kept).digest('hex')}`);
  await upload.abort();
  await driver.close();
  await rm(directory, { recursive: true });
});
