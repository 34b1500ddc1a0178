import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from '@jest/globals';
import { createSqliteStore } from '../../storage/metadata/sqlite/sqlite-store.ts';
import { watchMetadata } from '../../storage/metadata/watched.ts';
import { describeMetadataStore } from './metadata-store.ts';

/** The store as servers use it: with its operations watched. */
async function open(file: string) {
  return watchMetadata(await createSqliteStore({ file }), (_operation, run) => run());
}

describeMetadataStore('sqlite', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'berth-contract-'));
  const file = join(directory, 'metadata.sqlite');
  return {
    store: await open(file),
    reopen: () => open(file),
    pretendNewer: () => {
      const database = new DatabaseSync(file);
      database.exec("INSERT INTO schema_migrations (version, name) VALUES (9999, 'future')");
      database.close();
      return Promise.resolve();
    },
    dispose: () => rm(directory, { recursive: true }),
  };
});

test('the write thread keeps the order of writes while it loads the module of one of them', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'berth-order-'));
  const store = await createSqliteStore({ file: join(directory, 'metadata.sqlite') });
  const author = { actor: 'alice', address: '', at: 1 };
  await store.maintenanceMode.begin('its module is loaded now', author);
  const writes = [store.collectionState.pause(author), store.maintenanceMode.end(author), store.collectionState.resume(author)];
  const closed = store.close();
  await Promise.all([...writes, closed]);
  const reopened = await createSqliteStore({ file: join(directory, 'metadata.sqlite') });
  const events = await reopened.audit.list({}, Number.MAX_SAFE_INTEGER, 10);
  expect(events.map(({ action }) => action).toReversed()).toEqual(['maintenance.on', 'gc.pause', 'maintenance.off', 'gc.resume']);
  await reopened.close();
  await rm(directory, { recursive: true });
});
