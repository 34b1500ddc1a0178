import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createManifestLock } from '../../../src/mirror/content/manifest-lock.ts';
import { createLeases } from '../../../src/coordination/leases.ts';
import { createSqliteStore } from '../../../storage/metadata/sqlite/sqlite-store.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gate, until } from '../../support/until.ts';

let directory: string;
let stores: MetadataStore[];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-turns-'));
  const file = join(directory, 'metadata.sqlite');
  stores = [await createSqliteStore({ file }), await createSqliteStore({ file })];
});
afterEach(async () => {
  await Promise.all(stores.map((store) => store.close()));
  await rm(directory, { recursive: true });
});

const turnsOf = (metadata: MetadataStore, maxWaitSeconds: number) =>
  createManifestLock({ leases: createLeases({ metadata, now: Date.now }), metadata, now: Date.now, maxWaitSeconds });

test('two worker processes fetch a manifest one after the other, and the second one knows that it has waited', async () => {
  const [first, second] = stores.map((store) => turnsOf(store, 60));
  const rest = gate();
  const events: string[] = [];
  const one = first?.run('manifest', async (hasWaited) => {
    events.push(`first ${hasWaited}`);
    await rest.opened;
    events.push('first ends');
  });
  await until(() => events.length === 1);
  const two = second?.run('manifest', (hasWaited) => Promise.resolve(events.push(`second ${hasWaited}`)));
  await second?.run('another', (hasWaited) => Promise.resolve(events.push(`another ${hasWaited}`)));
  rest.open();
  await Promise.all([one, two]);
  expect(events).toEqual(['first false', 'another false', 'first ends', 'second true']);
});

test('a process that cannot wait any longer fetches for itself, and so does one without a store', async () => {
  const [first, second] = stores.map((store) => turnsOf(store, 0));
  const rest = gate();
  const one = first?.run('manifest', () => rest.opened);
  await until(async () => (await stores[0]?.leases.find('manifest', Date.now())) !== undefined);
  expect(await second?.run('manifest', () => Promise.resolve('fetched'))).toBe('fetched');
  rest.open();
  await one;
  await stores[1]?.close();
  expect(await second?.run('manifest', () => Promise.resolve('fetched'))).toBe('fetched');
});
