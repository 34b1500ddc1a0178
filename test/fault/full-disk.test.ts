import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type TestBerth, startBerth } from '../support/berth.ts';
import { call } from '../support/call.ts';
import {
  type TestImage,
  digestOf,
  newImage,
  pushBlob,
  pushBlobs,
  pushImage,
  putManifest,
  startUpload,
} from '../support/images.ts';
import { run } from '../support/run.ts';
import { until } from '../support/until.ts';

const isRoot = process.getuid?.() === 0;
if (!isRoot) process.stderr.write('skipping "a full disk": only root can mount a small file system\n');

/** Takes all the space that is left. */
async function fillDisk(disk: string): Promise<void> {
  for (let block = 1024 * 1024; block >= 1; block = Math.floor(block / 4)) {
    for (let file = 0; ; file++) {
      const path = join(disk, `ballast-${block}-${file}`);
      const full = await writeFile(path, Buffer.alloc(block)).then(
        () => false,
        () => true,
      );
      if (full) break;
    }
  }
}

async function emptyDisk(disk: string): Promise<void> {
  const names = await readdir(disk);
  await Promise.all(names.filter((name) => name.startsWith('ballast-')).map((name) => rm(join(disk, name))));
}

(isRoot ? describe : describe.skip)('a full disk', () => {
  const sizeBytes = 16 * 1024 * 1024;
  let disk: string;
  let berth: TestBerth;
  let kept: TestImage;
  beforeAll(async () => {
    disk = await mkdtemp(join(tmpdir(), 'berth-disk-'));
    await run('mount', ['-t', 'tmpfs', '-o', `size=${sizeBytes}`, 'tmpfs', disk]);
    berth = await startBerth({ BERTH_STORAGE_BLOBS_DIRECTORY: disk });
    kept = await pushImage(berth, 'app', 'kept');
  });
  afterAll(async () => {
    await berth.close();
    await run('umount', [disk]);
    await rm(disk, { recursive: true });
  });

  const fill = () => fillDisk(disk);
  const empty = () => emptyDisk(disk);

  test('a blob that does not fit is refused with 507, leaves nothing, and smaller ones still fit', async () => {
    const large = randomBytes(sizeBytes);
    const answer = await call(berth, 'POST', `/v2/app/blobs/uploads/?digest=${digestOf(large)}`, { body: large });
    expect([answer.status, answer.codes()]).toEqual([507, ['INSUFFICIENT_STORAGE']]);
    expect(await readdir(join(disk, '.berth/growing'))).toEqual([]);
    await pushBlob(berth, 'app', randomBytes(1_000_000));
  });

  test('an upload that met the full disk goes on when there is space again', async () => {
    const blob = randomBytes(600_000);
    const location = await startUpload(berth, 'app');
    const patch = (from: number, to: number) =>
      call(berth, 'PATCH', location, { body: blob.subarray(from, to), headers: { 'Content-Range': `${from}-${to - 1}` } });
    expect((await patch(0, 200_000)).status).toBe(202);
    await fill();
    expect((await patch(200_000, 600_000)).status).toBe(507);
    await empty();
    const has = Number((await call(berth, 'GET', location)).header('range').split('-')[1]) + 1;
    expect(has).toBeGreaterThanOrEqual(200_000);
    expect((await patch(has, 600_000)).status).toBe(202);
    const finished = await call(berth, 'PUT', `${location}?digest=${digestOf(blob)}`, { body: '' });
    expect(finished.status).toBe(201);
    expect((await call(berth, 'GET', `/v2/app/blobs/${digestOf(blob)}`)).body.equals(blob)).toBe(true);
  });

  test('an upload that does not fit gives its space back, and keeps what was acknowledged', async () => {
    for (const acknowledged of [0, 1_000_000]) {
      const location = await startUpload(berth, 'app');
      const has = async () => (await call(berth, 'GET', location)).header('range');
      if (acknowledged > 0) expect((await call(berth, 'PATCH', location, { body: randomBytes(acknowledged) })).status).toBe(202);
      expect((await call(berth, 'PATCH', location, { body: randomBytes(sizeBytes) })).status).toBe(507);
      expect(await has()).toBe(`0-${Math.max(0, acknowledged - 1)}`);
      await pushBlob(berth, 'app', randomBytes(1_000_000));
      const large = randomBytes(sizeBytes);
      expect((await call(berth, 'PUT', `${location}?digest=${digestOf(large)}`, { body: large })).status).toBe(507);
      expect(await has()).toBe(`0-${Math.max(0, acknowledged - 1)}`);
      await pushBlob(berth, 'app', randomBytes(1_000_000));
    }
  });

  test('while the disk is full manifests are refused with 507, everything is still served, and /readyz says why', async () => {
    const image = newImage();
    await pushBlobs(berth, 'app', image);
    await fill();
    expect((await putManifest(berth, 'app', 'new', image.manifest)).status).toBe(507);
    expect((await call(berth, 'GET', '/v2/app/manifests/new')).status).toBe(404);
    expect((await call(berth, 'GET', '/v2/app/manifests/kept')).body.toString()).toBe(kept.manifest);
    const ready = await call(berth, 'GET', '/readyz');
    expect([ready.status, ready.body.toString()]).toEqual([503, expect.stringContaining('no space left')]);
    await empty();
    expect((await putManifest(berth, 'app', 'new', image.manifest)).status).toBe(201);
    expect((await call(berth, 'GET', '/readyz')).status).toBe(200);
  });
});

(isRoot ? test : test.skip)(
  'while only the disk of the metadata is full, pushes get 507, pulls go on, /readyz and metrics say so, and all ends by itself',
  async () => {
    const [disk, folder] = (await Promise.all(['disk', 'blobs'].map((name) => mkdtemp(join(tmpdir(), `berth-${name}-`))))) as [
      string,
      string,
    ];
    await run('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', disk]);
    const file = join(disk, 'metadata.sqlite');
    const berth = await startBerth({
      BERTH_STORAGE_BLOBS_DRIVER: 'filesystem',
      BERTH_STORAGE_BLOBS_DIRECTORY: folder,
      BERTH_STORAGE_METADATA_DRIVER: 'sqlite',
      BERTH_STORAGE_METADATA_FILE: file,
    });
    try {
      const kept = await pushImage(berth, 'app', 'kept');
      const next = newImage();
      await pushBlobs(berth, 'app', next);
      const ready = () => call(berth, 'GET', '/readyz');
      // Space that the log of SQLite has already taken would serve some writes more.
      // The server may be writing: then the checkpoint says that it is busy.
      const database = new DatabaseSync(file);
      await until(() => database.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()?.['busy'] === 0);
      database.close();
      await fillDisk(disk);
      const refused = await putManifest(berth, 'app', 'next', next.manifest);
      expect([refused.status, refused.codes()]).toEqual([507, ['INSUFFICIENT_STORAGE']]);
      expect((await call(berth, 'GET', '/v2/app/manifests/kept')).body.toString()).toBe(kept.manifest);
      expect((await call(berth, 'GET', `/v2/app/blobs/${digestOf(kept.layer)}`)).body.equals(kept.layer)).toBe(true);
      for (let probe = 0; probe < 2; probe++) {
        const { status, body } = await ready();
        expect([status, body.toString()]).toEqual([503, expect.stringContaining('no space left')]);
      }
      const metrics = (await call(berth, 'GET', '/metrics')).body.toString();
      expect(metrics).toMatch(/^berth_store_\w+{[^}]*store="metadata"[^}]*no_space[^}]*} [1-9]/m);
      await emptyDisk(disk);
      expect((await ready()).status).toBe(200);
      expect((await putManifest(berth, 'app', 'next', next.manifest)).status).toBe(201);
    } finally {
      await berth.close();
      await run('umount', [disk]);
      await Promise.all([disk, folder].map((path) => rm(path, { recursive: true })));
    }
  },
  120_000,
);
