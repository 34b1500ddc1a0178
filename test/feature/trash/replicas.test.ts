import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type TestBerth, startBerth } from '../../support/berth.ts';
import { type TestBlobs, createBlobs } from '../../support/blobs.ts';
import { call } from '../../support/call.ts';
import { runCommand } from '../../support/command.ts';
import { digestOf, pushImage, putManifest } from '../../support/images.ts';
import { postgresSettings } from '../../support/metadata.ts';
import { type Database, createDatabase, postgresPrograms } from '../../support/postgres.ts';
import { describeWith } from '../../support/requires.ts';

describeWith(postgresPrograms, 'two replicas over one database and one blob store', () => {
  let database: Database;
  let directory: string;
  let blobs: TestBlobs;
  let replicas: readonly TestBerth[];

  beforeAll(async () => {
    [database, directory, blobs] = await Promise.all([createDatabase(), mkdtemp(join(tmpdir(), 'berth-trash-')), createBlobs()]);
    const settings = { ...postgresSettings(database.url), ...blobs.settings, BERTH_STORAGE_BLOBS_DIRECTORY: directory };
    replicas = [await startBerth(settings), await startBerth(settings)];
  }, 180_000);
  afterAll(async () => {
    for (const replica of replicas) await replica.close().catch(() => undefined);
    await Promise.all([database.drop(), blobs.dispose(), rm(directory, { recursive: true, force: true })]);
  }, 60_000);

  const statuses = (path: string) => Promise.all(replicas.map(async (replica) => (await call(replica, 'GET', path)).status));
  const [one, other] = [() => replicas[0] as TestBerth, () => replicas[1] as TestBerth];

  test('a deletion is 404 at once on all replicas, and so are the blobs after the trash is emptied', async () => {
    const image = await pushImage(one(), 'app', '1');
    const blob = `/v2/app/blobs/${digestOf(image.layer)}`;
    expect(await statuses('/v2/app/manifests/1')).toEqual([200, 200]);
    expect((await call(one(), 'DELETE', `/v2/app/manifests/${image.digest}`)).status).toBe(202);
    for (const reference of ['1', image.digest]) expect(await statuses(`/v2/app/manifests/${reference}`)).toEqual([404, 404]);
    expect(await statuses(blob)).toEqual([200, 200]);
    const { code } = await runCommand(['trash', 'empty', 'app'], one().environment);
    expect([code, await statuses(blob)]).toEqual([0, [404, 404]]);
  });

  test('a manifest that one replica deletes is revived by a push to the other one', async () => {
    const image = await pushImage(one(), 'revived', '1');
    await call(one(), 'DELETE', `/v2/revived/manifests/${image.digest}`);
    expect((await putManifest(other(), 'revived', '1', image.manifest)).status).toBe(201);
    expect(await statuses(`/v2/revived/manifests/${image.digest}`)).toEqual([200, 200]);
  });

  test('of a deletion and a restoration that race, each image is live or in the trash, and never lost', async () => {
    const image = await pushImage(one(), 'race', '1');
    for (let round = 0; round < 5; round++) {
      await call(one(), 'DELETE', `/v2/race/manifests/${image.digest}`);
      await Promise.all([
        putManifest(other(), 'race', '1', image.manifest),
        call(one(), 'DELETE', `/v2/race/manifests/${image.digest}`),
      ]);
      const why = await runCommand(['why', `race@${image.digest}`, '--json'], one().environment);
      const { keepers, trashed } = JSON.parse(why.stdout) as { readonly keepers?: object; readonly trashed?: object };
      expect([keepers, trashed].filter((found) => found !== undefined)).toHaveLength(1);
    }
  });
});
