import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { MetadataError } from '../../storage/metadata/store.ts';
import { plain } from '../support/plain.ts';
import { testCatalog } from './catalog.ts';
import { testCollection } from './collection.ts';
import { testEvents } from './events.ts';
import { testAccounts } from './metadata-store/accounts.ts';
import { testConcurrentWrites, testProcesses } from './metadata-store/concurrency.ts';
import { testContent } from './metadata-store/content.ts';
import { type CurrentDatabase, type Database, writesTo } from './metadata-store/fixtures.ts';
import { testJobRuns } from './metadata-store/job-runs.ts';
import { testLeases } from './metadata-store/leases.ts';
import { testListings } from './metadata-store/listings.ts';
import { testMirroredContent } from './mirrored-content.ts';
import { testPulls } from './pulls.ts';
import { testQuotas } from './quotas.ts';
import { testTrash } from './trash.ts';
import { testVerification } from './verification.ts';
import { testWebhooks } from './webhooks.ts';

/** Every promise of `storage/metadata/store.ts` and of the queries, for one store. */
export function describeMetadataStore(name: string, make: () => Promise<Database>): void {
  describe(`metadata store ${name}`, () => {
    const current = {} as CurrentDatabase;

    beforeEach(async () => {
      const database = await make();
      Object.assign(current, { database, store: plain(database.store) });
    });
    afterEach(async () => {
      await current.store.close();
      await current.database.dispose();
    });

    test('a newer schema is refused with a message that says what to do', async () => {
      await current.database.pretendNewer();
      const refusal = await current.database.reopen().catch((error: unknown) => error);
      expect(refusal).toBeInstanceOf(MetadataError);
      expect((refusal as MetadataError).code).toBe('newer_schema');
      expect((refusal as MetadataError).message).toContain('run the berth that wrote it');
    });

    test('check resolves for an open store', async () => {
      await current.store.check();
    });

    testContent(current);
    testConcurrentWrites(current);
    testProcesses(current);
    testListings(current);
    testLeases(current);
    testJobRuns(current);
    testAccounts(current);
    testEvents(() => current.store);
    testMirroredContent(() => current.store);
    testCollection(() => current.store);
    testTrash(() => current.store);
    testVerification(() => current.store);
    testWebhooks(() => current.store);
    testQuotas(current);
    testPulls(() => current.store, writesTo(current).manifest);
    testCatalog(current);
  });
}
