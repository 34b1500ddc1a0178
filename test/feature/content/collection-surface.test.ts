import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { loadConfig } from '../../../config/load.ts';
import { openBlobStore } from '../../../src/assembly/blob-store.ts';
import type { RepositoryName } from '../../../src/oci/reference.ts';
import { blobsPrefix } from '../../../storage/blobs/layout.ts';
import { type GuardedBerth, admin, apiOf, pushAs, startGuarded } from '../../support/access.ts';
import { runCommand } from '../../support/command.ts';
import { digestOf } from '../../support/images.ts';
import { newManifest } from '../../support/new-manifest.ts';

let berth: GuardedBerth;
const api = apiOf(() => berth);
const gc = (...words: readonly string[]) => runCommand(['gc', ...words], berth.environment);
const json = async (...words: readonly string[]) => JSON.parse((await gc(...words, '--json')).stdout) as Record<string, unknown>;

beforeAll(async () => {
  berth = await startGuarded();
  await berth.metadata.pulls.restart(1);
});
afterAll(() => berth.close());

async function storedBlobs(): Promise<number> {
  const driver = await openBlobStore(loadConfig({ environment: berth.environment }).storage.blobs);
  const keys: string[] = [];
  for await (const key of driver.list(blobsPrefix)) keys.push(key);
  await driver.close();
  return keys.length;
}

/** Records a manifest that lost its tag half a century ago, with one layer. */
async function recordUntagged(repository: RepositoryName, name: string, layerBytes: number): Promise<void> {
  const author = { actor: '', address: '', at: 1 };
  const layer = digestOf(`layer of ${name}`);
  await berth.metadata.blobs.commit(repository, layer, layerBytes, 'no upload', 1);
  const blobs = [{ digest: layer, sizeBytes: layerBytes }];
  await berth.metadata.manifests.put(newManifest({ repository, digest: digestOf(name), now: 1, author, blobs, sizeBytes: 500 }));
}

describe('garbage collection on the command line and over the API', () => {
  test('status names what could be freed, and what one line of the configuration would free', async () => {
    await recordUntagged('old' as RepositoryName, 'untagged', 10_000);
    const { stdout } = await gc('status');
    expect(stdout).toMatch(/^state +running$/m);
    expect(stdout).toMatch(/garbageCollection\.untagged: 30d in the configuration would delete: 1 manifests, at least 10\.3 KiB/);
    expect(await json('status', '--untagged', '90d')).toMatchObject({
      untagged: null,
      grace: 3_600_000,
      keepsVersions: false,
      reclaimable: { untagged: { count: 1, bytes: 10_500 }, untaggedMs: 90 * 24 * 3_600_000 },
    });
    expect(await json('status', '--quick')).toMatchObject({ reclaimable: null });
    expect([(await gc('status', '--untagged', '1y')).code, (await gc('status', '--quick', '--untagged', '1d')).code]).toEqual([
      2, 2,
    ]);
    expect((await api('GET', '/gc/reclaimable')).json()).toMatchObject({
      items: [{ repository: 'old', untagged: { count: 1, bytes: 10_500 }, waiting: { count: 0 }, trash: { count: 0 } }],
    });
  });

  test('a pause holds in the running server, over restarts and for commands, until resume', async () => {
    expect((await gc('pause')).code).toBe(0);
    expect((await api('GET', '/gc/status')).json()).toMatchObject({ pausedAt: expect.any(String) });
    const restarted = await berth.restart();
    berth = { ...berth, ...restarted, close: restarted.close };
    expect((await api('POST', '/gc/run', {})).status).toBe(409);
    expect(await gc('run')).toMatchObject({ code: 1, stderr: expect.stringContaining('garbage collection is paused') });
    expect((await gc('status', '--quick')).stdout).toMatch(/^state +paused since .*: berth gc resume$/m);
    expect((await api('POST', '/gc/resume', {})).status).toBe(204);
    expect((await api('GET', '/gc/status')).json()).toMatchObject({ pausedAt: null });
    const { items } = (await api('GET', '/audit')).json() as {
      readonly items: readonly { readonly action: string; actor: string }[];
    };
    expect(items.filter(({ action }) => action.startsWith('gc.')).map(({ action, actor }) => [action, actor])).toEqual([
      ['gc.resume', 'admin'],
      ['gc.pause', 'command line'],
    ]);
  });

  test('the bytes of an emptied trash can be deleted at once, although the grace is not over', async () => {
    const image = await pushAs(berth, admin, 'app', '1');
    const before = await storedBlobs();
    const body = { repository: 'app', reference: image.digest };
    expect((await api('POST', '/deletions', body)).status).toBe(200);
    const bytes = image.layer.length + image.config.length + image.manifest.length;
    expect(await json('status')).toMatchObject({ trashEntries: 1, reclaimable: { trash: { count: 1, bytes } } });
    expect((await api('POST', '/trash/empty', { repository: 'app' })).status).toBe(200);
    await gc('run');
    expect(await storedBlobs()).toBe(before - 3);
    expect((await api('GET', '/gc/status')).json()).toMatchObject({ purgedBlobs: 3, purgedBytes: bytes, due: 0 });
  });

  test('an audit finds nothing, in one piece and in parts', async () => {
    expect(await json('audit')).toMatchObject({ missed: 0 });
    const part = (await api('POST', '/gc/audit', {})).json() as { readonly rows: number; readonly missed: number };
    expect(part).toEqual({ rows: expect.any(Number), missed: 0 });
    expect(part.rows).toBeGreaterThan(0);
  });

  test('a review that was set aside is named, and is tried again when an admin asks for it', async () => {
    await gc('pause');
    const digest = digestOf('refused');
    const past = Date.now() - 24 * 3_600_000;
    const { claims, collection } = berth.metadata;
    await claims.take(digest, 'writer', past, past + 1);
    expect(
      (await collection.step({ now: past + 7_200_000, limit: 1, purger: 'p', until: past + 7_200_001 })).purges,
    ).toHaveLength(1);
    for (let tries = 0; tries < 10; tries++) await collection.recordFailure(digest, 'p', 'access denied', past);
    expect((await gc('status', '--quick')).stdout).toMatch(new RegExp(`^set aside +${digest}: 10 failures, access denied$`, 'm'));
    await gc('resume');
    expect((await api('POST', '/gc/run', { retry: true })).json()).toMatchObject({ failures: 0, due: 0 });
    expect((await api('GET', '/gc/status')).json()).toMatchObject({ failed: [] });
  });
});
