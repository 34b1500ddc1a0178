import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import type { RepositoryName } from '../../src/oci/reference.ts';
import { createUploads } from '../../src/registry/uploads.ts';
import type { BlobDriver } from '../../storage/blobs/driver.ts';
import { createFilesystemDriver } from '../../storage/blobs/filesystem/filesystem-driver.ts';
import { createSqliteStore } from '../../storage/metadata/sqlite/sqlite-store.ts';
import { digestOf } from '../support/images.ts';
import { until } from '../support/until.ts';

async function* body(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
}

/** The driver, with the number of its open appenders. */
function counting(inner: BlobDriver): { readonly driver: BlobDriver; readonly open: () => number } {
  let open = 0;
  const driver: BlobDriver = {
    ...inner,
    async openAppender(key, options) {
      const appender = await inner.openAppender(key, options);
      open++;
      let isOpen = true;
      const counted = (end: () => Promise<void>) => async () => {
        await end();
        if (isOpen) open--;
        isOpen = false;
      };
      return {
        ...appender,
        get sizeBytes() {
          return appender.sizeBytes;
        },
        close: counted(() => appender.close()),
        abort: counted(() => appender.abort()),
      };
    },
  };
  return { driver, open: () => open };
}

test('unfinished uploads keep at most maxOpenFiles files open, and all of them can be finished', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'berth-open-files-'));
  const metadata = await createSqliteStore({ file: join(directory, 'metadata.sqlite') });
  const { driver, open } = counting(await createFilesystemDriver({ directory }));
  const uploads = createUploads({ driver, metadata, now: Date.now, maxOpenFiles: 3 });
  const repository = 'app' as RepositoryName;
  const begun = [];
  for (let index = 0; index < 20; index++) {
    const session = { id: await uploads.start(repository, 'sha256', ''), repository, owner: '' };
    const first = randomBytes(1000);
    await uploads.append(session, { body: body(first) });
    begun.push({ session, first });
    await until(() => open() <= 3);
  }
  expect(open()).toBe(3);
  for (const { session, first } of begun) {
    const last = randomBytes(500);
    const digest = digestOf(Buffer.concat([first, last]));
    await uploads.finish(session, digest, { body: body(last) });
  }
  expect(open()).toBe(0);
  await uploads.close();
  await metadata.close();
  await driver.close();
  await rm(directory, { recursive: true });
});
