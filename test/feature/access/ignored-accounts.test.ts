import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { loadConfig } from '../../../config/load.ts';
import { refuseIgnoredAccounts } from '../../../src/assembly/open-mode.ts';
import { createSqliteStore } from '../../../storage/metadata/sqlite/sqlite-store.ts';
import { type GuardedBerth, startGuarded } from '../../support/access.ts';
import { startBerth } from '../../support/berth.ts';

let guarded: GuardedBerth;
beforeAll(async () => {
  guarded = await startGuarded();
});
afterAll(() => guarded.close());

test('data with accounts is not served in mode open, and the message says what to do', async () => {
  const refused = refuseIgnoredAccounts(loadConfig({ environment: {} }), guarded.metadata);
  await expect(refused).rejects.toThrow(/access\.mode.*access\.ignoreAccounts/);
});

test('data with accounts is served in mode open if the configuration allows it', async () => {
  const config = loadConfig({ environment: { BERTH_ACCESS_IGNORE_ACCOUNTS: 'true' } });
  await expect(refuseIgnoredAccounts(config, guarded.metadata)).resolves.toBeUndefined();
});

test('a server in mode open does not start again after accounts were made', async () => {
  const settings = { BERTH_STORAGE_METADATA_DRIVER: 'sqlite', BERTH_STORAGE_METADATA_URL: '' };
  const berth = await startBerth(settings);
  const metadata = await createSqliteStore({ file: `${berth.directory}/metadata.sqlite` });
  const event = { at: 0, actor: '', address: '', action: 'user.create', target: 'admin', result: 'done' } as const;
  await metadata.accounts.createFirstAdmin('admin', 'scrypt$', event);
  await metadata.close();
  await expect(berth.restart()).rejects.toThrow('access.ignoreAccounts');
  await rm(berth.directory, { recursive: true });
});
