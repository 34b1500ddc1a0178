import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { loadConfig } from '../../../config/load.ts';
import { openBlobStore } from '../../../src/assembly/blob-store.ts';
import { blobsPrefix } from '../../../storage/blobs/layout.ts';
import { type TestBerth, startBerth } from '../../support/berth.ts';
import { call } from '../../support/call.ts';
import { digestOf, pushImage } from '../../support/images.ts';
import { until } from '../../support/until.ts';

let berth: TestBerth;
beforeEach(async () => {
  berth = await startBerth({ BERTH_GARBAGE_COLLECTION_GRACE: '1s', BERTH_TRASH_WINDOW: '0s' });
});
afterEach(() => berth.close());

/** Keys of all blobs and manifests in the blob store. */
async function stored(): Promise<readonly string[]> {
  const driver = await openBlobStore(loadConfig({ file: undefined, environment: berth.environment }).storage.blobs);
  const keys: string[] = [];
  for await (const key of driver.list(blobsPrefix)) keys.push(key);
  await driver.close();
  return keys;
}

test('the bytes of a deleted image leave the blob store, and other images stay whole', async () => {
  const kept = await pushImage(berth, 'app', 'kept');
  const before = await stored();
  const { manifest } = await pushImage(berth, 'app', 'deleted');
  expect((await stored()).length).toBeGreaterThan(before.length);
  expect((await call(berth, 'DELETE', `/v2/app/manifests/${digestOf(manifest)}`)).status).toBe(202);
  await until(async () => (await stored()).length === before.length);
  expect(await stored()).toEqual(before);
  expect((await call(berth, 'GET', '/v2/app/manifests/kept')).body.toString()).toBe(kept.manifest);
  expect((await call(berth, 'GET', `/v2/app/blobs/${digestOf(kept.layer)}`)).body.equals(kept.layer)).toBe(true);
});
