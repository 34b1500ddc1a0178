import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { createSqliteStore } from '../../storage/metadata/sqlite/sqlite-store.ts';
import { describeMetadataStore } from './metadata-store.ts';

describeMetadataStore('sqlite', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'berth-contract-'));
  const file = join(directory, 'metadata.sqlite');
  return {
    store: await createSqliteStore({ file }),
    reopen: () => createSqliteStore({ file }),
    pretendNewer: () => {
      const database = new DatabaseSync(file);
      database.exec("INSERT INTO schema_migrations (version, name) VALUES (9999, 'future')");
      database.close();
      return Promise.resolve();
    },
    dispose: () => rm(directory, { recursive: true }),
  };
});
