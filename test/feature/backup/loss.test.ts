import { access, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { loadConfig } from '../../../config/load.ts';
import { openBlobStore } from '../../../src/assembly/blob-store.ts';
import { openMetadata } from '../../../src/assembly/metadata-store.ts';
import { createTrash } from '../../../src/content/trash.ts';
import { createAuditor } from '../../../src/maintenance/collect/audit.ts';
import { createCollector } from '../../../src/maintenance/collect/collector.ts';
import { mediaTypes } from '../../../src/oci/media-types.ts';
import { requireDigest } from '../../../src/http/v2/request-context.ts';
import { currentLink } from '../../../storage/blobs/distribution-links.ts';
import { blobKey } from '../../../storage/blobs/layout.ts';
import { createSqliteStore } from '../../../storage/metadata/sqlite/sqlite-store.ts';
import { type TestBerth, startBerth } from '../../support/berth.ts';
import { type Answer, call } from '../../support/call.ts';
import { runCommand } from '../../support/command.ts';
import { descriptor, digestOf, newIndex, pushImage, putManifest } from '../../support/images.ts';
import { until } from '../../support/until.ts';

const day = 24 * 3_600_000;

/** The procedures of docs/backup.md, for each loss that it lists. */

let directory: string;
let data: string;
let settings: Readonly<Record<string, string>>;
let count = 0;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-loss-'));
});
afterAll(() => rm(directory, { recursive: true }));

let berth: TestBerth | undefined;
beforeEach(() => {
  data = join(directory, `data-${++count}`);
  settings = {
    BERTH_STORAGE_BLOBS_DRIVER: 'filesystem',
    BERTH_STORAGE_BLOBS_DIRECTORY: data,
    BERTH_STORAGE_METADATA_DRIVER: 'sqlite',
    BERTH_BACKUP_DIRECTORY: join(directory, `backups-${count}`),
  };
});
afterEach(async () => {
  await berth?.close();
  berth = undefined;
});

async function start(extra: Readonly<Record<string, string>> = {}): Promise<TestBerth> {
  berth = await startBerth({ ...settings, ...extra });
  return berth;
}

async function stop(): Promise<void> {
  await berth?.close();
  berth = undefined;
}

const command = (...words: readonly string[]) => runCommand(words, settings);
const loseDatabase = () =>
  Promise.all(['', '-wal', '-shm'].map((suffix) => rm(join(data, `metadata.sqlite${suffix}`), { force: true })));

/** Starts the restored data with logins, so that only grants and public rules open anything. */
const startPrivate = () => start({ BERTH_ACCESS_MODE: 'token', BERTH_ACCESS_ADMIN_PASSWORD: 'password' });
const admin = { Authorization: `Basic ${Buffer.from('admin:password').toString('base64')}` };
const get = (server: TestBerth, path: string): Promise<Answer> => call(server, 'GET', path, { headers: admin });

async function isWritten(key: string): Promise<boolean> {
  return access(join(data, key)).then(
    () => true,
    () => false,
  );
}

async function blockOf(): Promise<string | null> {
  const metadata = await openMetadata(loadConfig({ file: undefined, environment: settings }));
  const { blockedBy } = await metadata.collectionState.find();
  await metadata.close();
  return blockedBy;
}

/** Runs garbage collection and its audit as of ten days later. */
async function collectLater(): Promise<void> {
  const config = loadConfig({ file: undefined, environment: settings });
  const driver = await openBlobStore(config.storage.blobs);
  const metadata = await openMetadata(config);
  const now = () => Date.now() + 10 * day;
  const events = { purged: () => undefined, trashed: () => undefined, failed: () => undefined };
  const trash = createTrash({ driver, metadata, now });
  await createAuditor({ metadata, now: () => Date.now() + day }).run(() => undefined);
  await createCollector({ driver, metadata, trash, now, maxPerSecond: 1_000_000, trashWindowMs: day, events }).run();
  await metadata.close();
  await driver.close();
}

test('with a backup and links everything comes back, also tags that were pushed and moved after the backup', async () => {
  const server = await start();
  const kept = await pushImage(server, 'team/app', 'kept');
  await pushImage(server, 'team/app', 'moved');
  expect(await command('backup', 'create')).toMatchObject({ code: 0 });
  const moved = await pushImage(server, 'team/app', 'moved');
  const later = await pushImage(server, 'team/other', 'later');
  await until(() => isWritten(currentLink('team/other', 'later')));
  await stop();
  await loseDatabase();

  await expect(startBerth(settings)).rejects.toThrow('berth restore latest');
  const wal = join(data, 'metadata.sqlite-wal');
  await writeFile(wal, 'changes of the lost database');
  expect(await command('restore', 'latest')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('is left from a lost database'),
  });
  await rm(wal);
  const restored = await command('restore', 'latest', '--json');
  expect(restored).toMatchObject({ code: 0 });
  expect(JSON.parse(restored.stdout)).toMatchObject({ fromLinks: true, missing: 0, unrecorded: 0 });
  expect(await blockOf()).toBeNull();
  await collectLater();
  const again = await startPrivate();
  for (const [tag, image] of [
    ['team/app/manifests/kept', kept],
    ['team/app/manifests/moved', moved],
    ['team/other/manifests/later', later],
  ] as const)
    expect((await get(again, `/v2/${tag}`)).body.toString()).toBe(image.manifest);
  expect((await get(again, `/v2/team/other/blobs/${digestOf(later.layer)}`)).body.equals(later.layer)).toBe(true);
  expect((await call(again, 'GET', '/v2/team/app/manifests/kept')).status).toBe(401);
}, 60_000);

test('with a backup alone its state comes back, and later blobs stay in the store', async () => {
  const server = await start({ BERTH_STORAGE_BLOBS_LINKS: 'off' });
  const kept = await pushImage(server, 'team/app', 'kept');
  expect(await command('backup', 'create')).toMatchObject({ code: 0 });
  const later = await pushImage(server, 'team/app', 'later');
  await stop();
  await loseDatabase();

  const restored = await command('restore', 'latest', '--json');
  expect(JSON.parse(restored.stdout)).toMatchObject({ fromLinks: false, missing: 0, recorded: 3, unrecorded: 3 });
  await collectLater();
  const again = await start({ BERTH_STORAGE_BLOBS_LINKS: 'off' });
  expect((await call(again, 'GET', '/v2/team/app/manifests/kept')).body.toString()).toBe(kept.manifest);
  expect((await call(again, 'GET', '/v2/team/app/manifests/later')).status).toBe(404);
  expect(await isWritten(blobKey(requireDigest(digestOf(later.layer))))).toBe(true);
}, 60_000);

test('quotas are counted anew after a restore, and are in force then', async () => {
  const file = join(directory, 'quotas.yaml');
  await writeFile(file, 'quotas: [{ name: teams, match: ["**"], per: namespace, size: 10MiB, tags: 2 }]\n');
  const server = await start({ BERTH_CONFIG: file });
  const { manifest } = await pushImage(server, 'team/app', '1');
  await pushImage(server, 'team/app', '2');
  const listed = async () => JSON.parse((await command('quota', 'list', '--json', '--config', file)).stdout) as unknown;
  const before = await listed();
  expect(await command('backup', 'create')).toMatchObject({ code: 0 });
  await stop();
  await loseDatabase();

  expect(await command('restore', 'latest')).toMatchObject({ code: 0 });
  const again = await start({ BERTH_CONFIG: file });
  await until(async () => JSON.stringify(await listed()) === JSON.stringify(before));
  expect((await putManifest(again, 'team/app', '3', manifest)).status).toBe(403);
  expect(JSON.parse((await command('quota', 'recount', '--json', '--config', file)).stdout)).toEqual({ differences: [] });
}, 60_000);

test('with links and blobs repositories, tags and referrers come back, and all is private', async () => {
  const server = await start();
  const image = await pushImage(server, 'team/app', '1');
  const subject = descriptor(image.manifest, mediaTypes.ociManifest);
  const signature = await pushImage(server, 'team/app', 'signature', { subject, artifactType: 'application/test' });
  await until(() => isWritten(currentLink('team/app', 'signature')));
  await stop();
  await loseDatabase();

  const restored = await command('restore', '--from-links', '--json');
  expect(restored).toMatchObject({ code: 0 });
  expect(JSON.parse(restored.stdout)).toMatchObject({ backup: null, fromLinks: true, missing: 0, recorded: 6 });
  expect(await blockOf()).toBeNull();
  const again = await startPrivate();
  expect((await get(again, '/v2/team/app/manifests/1')).body.toString()).toBe(image.manifest);
  const { manifests } = (await get(again, `/v2/team/app/referrers/${image.digest}`)).json() as {
    manifests: { digest: string }[];
  };
  expect(manifests.map(({ digest }) => digest)).toEqual([signature.digest]);
  expect((await call(again, 'GET', '/v2/team/app/manifests/1')).status).toBe(401);
  await stop();
  expect(await command('restore', '--from-links')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('the target database already has team/app'),
  });
}, 60_000);

test('from blobs alone digests can be pulled below recovered/, with the names of annotations, and nothing is public', async () => {
  const server = await start();
  const plain = await pushImage(server, 'team/app', '1');
  const index = newIndex([plain], { annotations: { 'org.opencontainers.image.ref.name': 'Team/App:1.0' } });
  await putManifest(server, 'team/app', 'multi', index, mediaTypes.ociIndex);
  const lost = await pushImage(server, 'team/app', 'lost');
  await stop();
  await loseDatabase();
  await rm(join(data, 'docker/registry/v2/repositories'), { recursive: true, force: true });
  await rm(join(data, blobKey(requireDigest(digestOf(lost.layer)))));

  const recovered = await command('restore', '--from-blobs', '--json');
  expect(recovered).toMatchObject({ code: 0 });
  const found = JSON.parse(recovered.stdout) as { digest: string; repository: string; tag: string | null; missing: number }[];
  expect(new Map(found.map(({ digest, repository, tag, missing }) => [digest, [repository, tag, missing]]))).toEqual(
    new Map<string, unknown>([
      [plain.digest, ['recovered/images', null, 0]],
      [digestOf(index), ['recovered/team/app', '1.0', 0]],
      [lost.digest, ['recovered/images', null, 1]],
    ]),
  );
  expect(await blockOf()).toBe('restore');
  // An interrupted search can be repeated.
  expect((await command('restore', '--from-blobs', '--json')).stdout).toBe(recovered.stdout);
  const again = await startPrivate();
  expect((await get(again, `/v2/recovered/images/manifests/${plain.digest}`)).body.toString()).toBe(plain.manifest);
  expect((await get(again, `/v2/recovered/images/blobs/${digestOf(plain.layer)}`)).body.equals(plain.layer)).toBe(true);
  expect((await get(again, '/v2/recovered/team/app/manifests/1.0')).body.toString()).toBe(index);
  expect((await get(again, `/v2/recovered/team/app/manifests/${plain.digest}`)).body.toString()).toBe(plain.manifest);
  expect((await call(again, 'GET', `/v2/recovered/images/manifests/${plain.digest}`)).status).toBe(401);
  await stop();
  expect(await command('restore', '--finish')).toMatchObject({ code: 0 });
  expect(await blockOf()).toBeNull();
}, 60_000);

test('an empty database of a first start is no obstacle, but one with repositories is', async () => {
  const server = await start();
  await pushImage(server, 'team/app', '1');
  await stop();
  await loseDatabase();
  await (await createSqliteStore({ file: join(data, 'metadata.sqlite') })).close();
  expect(await command('restore', '--from-blobs')).toMatchObject({ code: 0 });
  await pushImage(await start({ BERTH_ACCESS_ALLOW_OPEN: 'true' }), 'team/new', '1');
  await stop();
  expect(await command('restore', '--from-blobs')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('the target database already has team/new'),
  });
});
