import { randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createSqliteStore } from '../../storage/metadata/sqlite/sqlite-store.ts';
import type { BerthProcess } from '../support/berth-process.ts';
import { call } from '../support/call.ts';
import { digestOf, newImage, pushBlob, putManifest, startUpload } from '../support/images.ts';
import { killPoints } from '../support/kill-points.ts';
import { type KilledBerth, startKilledBerth } from '../support/killed-berth.ts';
import { isLong } from '../support/long.ts';
import { until } from '../support/until.ts';

let killed: KilledBerth;
let berth: BerthProcess;
beforeAll(async () => {
  killed = await startKilledBerth('quotas: [{ name: teams, match: "**", per: namespace, size: 10MiB }]\n');
  berth = killed.berth;
});
afterAll(() => killed.dispose());

/** Reads the quota of the repository's namespace beside the running berth, and asserts that a recount finds the same. */
async function quotaOf(repository: string) {
  const store = await createSqliteStore({ file: join(berth.directory, 'metadata.sqlite') });
  try {
    const read = async () => (await store.quotaStatus.listOf(repository as never))[0];
    // What a dead process has left is released while berth serves already.
    const uploads = async () => (await store.quotaReservations.list(Number.MAX_SAFE_INTEGER, '', 10)).length;
    await until(async () => (await uploads()) === 0);
    const before = await read();
    await store.quotaRules.recount();
    const differences = [];
    while (await store.quotaCounting.isNeeded()) differences.push(...(await store.quotaCounting.step(100)));
    expect(differences).toEqual([]);
    return before;
  } finally {
    await store.close();
  }
}

async function expectNoLitter(): Promise<void> {
  for (const folder of ['growing', 'temporary'])
    await until(async () => (await readdir(join(berth.directory, '.berth', folder))).length === 0);
}

const points = isLong ? killPoints : (['before a commit'] as const);

describe.each(points)('SIGKILL %s with a quota', (point) => {
  const repository = `team${killPoints.indexOf(point)}/app`;
  const stored = async (blob: Uint8Array) =>
    (await call(berth, 'HEAD', `/v2/${repository}/blobs/${digestOf(blob)}`)).status === 200 ? blob.length : 0;

  test('leaves no reservation, and counters that equal a recount', async () => {
    const image = newImage({}, 200_000);
    await killed.killedAt(point, () => pushBlob(berth, repository, image.layer));
    await expectNoLitter();
    const quota = await quotaOf(repository);
    expect([quota?.usedBytes ?? 0, quota?.reservedBytes ?? 0]).toEqual([await stored(image.layer), 0]);
    // Killed while it records a manifest; the blobs are pushed before.
    for (const blob of [image.layer, image.config]) await pushBlob(berth, repository, blob);
    await killed.killedAt(point, () => putManifest(berth, repository, '1', image.manifest));
    const hasManifest = (await call(berth, 'HEAD', `/v2/${repository}/manifests/1`)).status === 200;
    const expected = image.layer.length + image.config.length + (hasManifest ? image.manifest.length : 0);
    expect(await quotaOf(repository)).toMatchObject({ usedBytes: expected, reservedBytes: 0, tags: hasManifest ? 1 : 0 });
  });

  // Only in the long run: each point restarts a server.
  if (isLong) test('keeps the reservation of a session that can go on, for exactly the bytes that it has', keepsReservation);

  async function keepsReservation(): Promise<void> {
    const blob = randomBytes(100_000);
    const location = await startUpload(berth, repository);
    const first = await call(berth, 'PATCH', location, { body: blob.subarray(0, 60_000) });
    expect(first.status).toBe(202);
    const used = await readReserved();
    await killed.killedAt(point, () =>
      call(berth, 'PUT', `${location}?digest=${digestOf(blob)}`, { body: blob.subarray(60_000) }),
    );
    const status = await call(berth, 'GET', location);
    if (status.status === 404) {
      expect(await readReserved()).toEqual({ usedBytes: used.usedBytes + blob.length, reservedBytes: 0 });
      return;
    }
    const received = Number(status.header('range').split('-')[1]) + 1;
    await until(async () => (await readReserved()).reservedBytes === received);
    expect((await readReserved()).usedBytes).toBe(used.usedBytes);
    expect((await call(berth, 'DELETE', location)).status).toBe(204);
    expect(await quotaOf(repository)).toMatchObject({ ...used, reservedBytes: 0 });
  }

  async function readReserved() {
    const store = await createSqliteStore({ file: join(berth.directory, 'metadata.sqlite') });
    const [quota] = await store.quotaStatus.listOf(repository as never);
    await store.close();
    return { usedBytes: quota?.usedBytes ?? 0, reservedBytes: quota?.reservedBytes ?? 0 };
  }
});
