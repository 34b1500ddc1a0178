import { mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { linksMarker } from '../../storage/blobs/distribution-links.ts';
import type { BlobDriver } from '../../storage/blobs/driver.ts';
import { createFilesystemDriver } from '../../storage/blobs/filesystem/filesystem-driver.ts';
import { unlessMissing } from '../../storage/blobs/missing.ts';
import { createSqliteStore } from '../../storage/metadata/sqlite/sqlite-store.ts';
import { contentOf, run } from '../contract/adoption.ts';
import { createDistributionStore } from '../support/distribution-store.ts';
import { newIndex } from '../support/images.ts';
import { type KillPoint, reachedFile } from '../support/kill-points.ts';
import { runCommand } from '../support/command.ts';
import { launch } from '../support/run.ts';

let scratch: string;
let folder: string;
let driver: BlobDriver;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'berth-adopt-kill-'));
  folder = join(scratch, 'store');
  driver = await createFilesystemDriver({ directory: folder });
  const store = createDistributionStore(driver);
  for (const repository of ['a', 'a/sub', 'a-b', 'team/app']) {
    const images = [await store.putImage(repository, '1'), await store.putImage(repository, '2')];
    await store.putTag(repository, 'multi', await store.putManifest(repository, newIndex(images)));
  }
});
afterAll(async () => {
  await driver.close();
  await rm(scratch, { recursive: true });
});

/** Runs `berth adopt`, which dies at its n-th `point`. Resolves to its exit code; null: it was killed, and at this point. */
async function adoptAndDie(point: KillPoint, times: number, ...options: readonly string[]): Promise<number | null> {
  const pointFile = join(scratch, 'point');
  await writeFile(pointFile, `${point} × ${times}`);
  const env = { ...process.env, BERTH_STORAGE_BLOBS_DIRECTORY: folder, KILL_POINT: pointFile };
  const flags = ['--disable-warning=ExperimentalWarning', '--import', resolve(import.meta.dirname, '../support/kill-points.ts')];
  const main = resolve(import.meta.dirname, '../../src/main.ts');
  let printed = '';
  const child = launch(process.execPath, [...flags, main, 'adopt', ...options], (text) => (printed += text), env);
  const [code, signal] = await new Promise<[number | null, string | null]>((exited) => {
    child.once('exit', (...ended) => exited(ended));
  });
  if (code !== 0 && signal !== 'SIGKILL') throw new Error(printed);
  if (code === null) expect(await readFile(reachedFile(pointFile), 'utf8')).toBe(`${point} × ${times}`);
  await rm(reachedFile(pointFile), { force: true });
  return code;
}

/** Ends the lease of the killed process, which would end ten seconds after its last renewal. */
function endLease(): void {
  const database = new DatabaseSync(join(folder, 'metadata.sqlite'));
  // It may have died before its first migration.
  if (database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'leases'").get()) database.exec('DELETE FROM leases');
  database.close();
}

/** Path, inode, size and time of every file below `docker/`. */
async function filesBelow(): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const { path } of driver.listEntries('docker/')) {
    if (path.endsWith('/')) continue;
    const { ino, size, mtimeMs } = await stat(join(folder, path));
    found.push(`${path} ${ino} ${size} ${mtimeMs}`);
  }
  return found;
}

test('an adoption that SIGKILL ends again and again loses nothing, and changes nothing below docker/', async () => {
  const before = await filesBelow();
  expect(before.length).toBeGreaterThan(50);
  let kills = 0;
  for (let times = 1; ; times *= 3) {
    const point = kills % 2 === 0 ? 'before a commit' : 'after a commit';
    if ((await adoptAndDie(point, times)) === 0) break;
    kills++;
    endLease();
  }
  // Writes that wait share a commit: how many there are depends on the machine.
  expect(kills).toBeGreaterThanOrEqual(2);
  const whole = await createSqliteStore({ file: join(scratch, 'whole.sqlite') });
  const killed = await createSqliteStore({ file: join(folder, 'metadata.sqlite') });
  try {
    await run({ driver, metadata: whole, dispose: () => Promise.resolve() });
    const contents = await Promise.all(
      [killed, whole].map((metadata) => contentOf({ driver, metadata, dispose: () => Promise.resolve() })),
    );
    expect(contents[0]).toEqual(contents[1]);
    expect(contents[0]?.length).toBeGreaterThan(30);
  } finally {
    await whole.close();
    await killed.close();
  }
  expect(await filesBelow()).toEqual(before);
}, 240_000);

test('--finish that SIGKILL ends at each of its steps is complete after a further run', async () => {
  const before = await filesBelow();
  const stateAfterKill = async (point: KillPoint) => {
    expect(await adoptAndDie(point, 1, '--finish')).toBeNull();
    endLease();
    const metadata = await createSqliteStore({ file: join(folder, 'metadata.sqlite') });
    const isFinished = ((await metadata.adoption.find())?.finishedAt ?? null) !== null;
    await metadata.close();
    return { isFinished, isMarked: (await unlessMissing(driver.stat(linksMarker))) !== undefined };
  };
  expect(await stateAfterKill('before an adoption is finished')).toEqual({ isFinished: false, isMarked: false });
  expect(await stateAfterKill('before a file gets its name')).toEqual({ isFinished: true, isMarked: false });
  expect(await stateAfterKill('after a file got its name')).toEqual({ isFinished: true, isMarked: true });
  const { code, stdout } = await runCommand(['adopt', '--finish'], { BERTH_STORAGE_BLOBS_DIRECTORY: folder });
  expect([code, stdout]).toEqual([0, expect.stringContaining('the adoption is finished')]);
  const metadata = await createSqliteStore({ file: join(folder, 'metadata.sqlite') });
  expect(await metadata.adoptionLinks.list('', '~', 10)).toEqual([]);
  expect(await metadata.events.findConsumer('links')).toBeDefined();
  await metadata.close();
  expect(await filesBelow()).toEqual(before);
}, 240_000);

test('a folder without another registry is refused, and gets no metadata', async () => {
  const empty = join(scratch, 'empty');
  const { code, stderr } = await runCommand(['adopt'], { BERTH_STORAGE_BLOBS_DIRECTORY: empty });
  expect([code, stderr]).toEqual([1, expect.stringContaining('the store has no repositories of another registry')]);
  expect((await readdir(empty)).filter((name) => name.startsWith('metadata'))).toEqual([]);
}, 120_000);
