import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type BerthProcess, startBerthProcess } from '../support/berth-process.ts';
import { type TestBlobs, createBlobs } from '../support/blobs.ts';
import { call } from '../support/call.ts';
import { digestOf, startUpload } from '../support/images.ts';
import { postgresSettings } from '../support/metadata.ts';
import { type Database, createDatabase, postgresPrograms } from '../support/postgres.ts';
import { isLong } from '../support/long.ts';
import { expectPullable, withPushingClients } from '../support/pushing-clients.ts';
import { describeWith } from '../support/requires.ts';
import { startRetryingProxy } from '../support/retrying-proxy.ts';
import { until } from '../support/until.ts';

/** Acknowledged pushes before each kill, and after the last one. */
const pushes = isLong ? 300 : 40;
const clients = 32;
const kills = isLong ? 4 : 3;

describeWith(postgresPrograms, 'two replicas over one database and one blob store', () => {
  let database: Database;
  let directory: string;
  let blobs: TestBlobs;
  let one: BerthProcess;
  let other: BerthProcess;

  beforeAll(async () => {
    [database, directory, blobs] = await Promise.all([
      createDatabase(),
      mkdtemp(join(tmpdir(), 'berth-replicas-')),
      createBlobs(),
    ]);
    const settings = {
      ...postgresSettings(database.url),
      ...blobs.settings,
      BERTH_STORAGE_BLOBS_DIRECTORY: directory,
      BERTH_SHUTDOWN_DELAY: '1s',
    };
    [one, other] = await Promise.all([startBerthProcess(settings), startBerthProcess(settings)]);
  }, 180_000);
  afterAll(async () => {
    await Promise.all([one.dispose(), other.dispose()]);
    await Promise.all([database.drop(), blobs.dispose(), rm(directory, { recursive: true, maxRetries: 5 })]);
  }, 60_000);

  const patch = (replica: BerthProcess, location: string, body: Uint8Array) => call(replica, 'PATCH', location, { body });

  test('an upload can begin on one replica, continue on the other and end on the first', async () => {
    const bytes = randomBytes(3_000_000);
    const parts = [bytes.subarray(0, 1_000_000), bytes.subarray(1_000_000, 1_500_000), bytes.subarray(1_500_000)] as const;
    const location = await startUpload(one, 'app');
    expect((await patch(one, location, parts[0])).status).toBe(202);
    expect((await call(other, 'GET', location)).header('range')).toBe('0-999999');
    expect((await patch(other, location, parts[1])).header('range')).toBe('0-1499999');
    expect((await call(one, 'GET', location)).header('range')).toBe('0-1499999');
    expect((await patch(one, location, parts[2])).status).toBe(202);
    expect((await call(one, 'PUT', `${location}?digest=${digestOf(bytes)}`, { body: '' })).status).toBe(201);
    expect((await call(other, 'GET', `/v2/app/blobs/${digestOf(bytes)}`)).body.equals(bytes)).toBe(true);
    expect((await call(other, 'GET', location)).status).toBe(404);
  });

  test('chunks of one upload that reach both replicas at once are appended one after the other', async () => {
    const location = await startUpload(one, 'app');
    const chunks = Array.from({ length: 10 }, (_, index) => Buffer.alloc(1000, `${index}`));
    const answers = await Promise.all(chunks.map((chunk, index) => patch(index % 2 === 0 ? one : other, location, chunk)));
    const ends = answers.map((answer) => Number(answer.header('range').slice(2)) + 1);
    expect([...ends].sort((a, b) => a - b)).toEqual(chunks.map((_, index) => (index + 1) * 1000));
    const bytes = Buffer.alloc(10_000);
    for (const [index, end] of ends.entries()) chunks[index]?.copy(bytes, end - 1000);
    expect((await call(other, 'PUT', `${location}?digest=${digestOf(bytes)}`, { body: '' })).status).toBe(201);
  });

  test('a chunk that another replica rejected leaves no byte behind, and no wrong hash', async () => {
    const bytes = randomBytes(2000);
    const location = await startUpload(one, 'app');
    await patch(one, location, bytes.subarray(0, 1000));
    const rejected = await call(other, 'PATCH', location, {
      body: randomBytes(1000),
      chunked: true,
      headers: { 'Content-Range': '1000-2999' },
    });
    expect(rejected.codes()).toEqual(['SIZE_INVALID']);
    expect((await patch(other, location, bytes.subarray(1000))).header('range')).toBe('0-1999');
    expect((await call(other, 'PUT', `${location}?digest=${digestOf(bytes)}`, { body: '' })).status).toBe(201);
  });

  test('an upload whose replica died during a chunk continues on the other replica', async () => {
    const bytes = randomBytes(20_000_000);
    const location = await startUpload(one, 'app');
    const socket = connect(one.port, '127.0.0.1').on('error', () => undefined);
    socket.write(`PATCH ${location} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${bytes.length}\r\n\r\n`);
    socket.write(bytes.subarray(0, 19_000_000));
    await until(async () => (await call(other, 'GET', location)).header('range') !== '0-0');
    await one.kill('SIGKILL');
    const kept = Number((await call(other, 'GET', location)).header('range').slice(2)) + 1;
    expect((await patch(other, location, bytes.subarray(kept))).header('range')).toBe(`0-${bytes.length - 1}`);
    expect((await call(other, 'PUT', `${location}?digest=${digestOf(bytes)}`, { body: '' })).status).toBe(201);
    await one.start();
  });

  test('a rolling restart behind a load balancer that asks /readyz fails no request', async () => {
    const proxy = await startRetryingProxy([one, other]);
    try {
      const acknowledged = await withPushingClients(proxy, 4, async (pushed) => {
        for (const replica of [one, other, one]) {
          expect(await replica.kill('SIGTERM')).toBe(0);
          await replica.start();
          await until(() => proxy.isReady(replica));
          await pushed(20);
        }
      });
      expect(proxy.failures).toEqual([]);
      for (const [name, image] of acknowledged) await expectPullable(proxy, name, image);
    } finally {
      await proxy.close();
    }
  }, 120_000);

  test(`${clients} clients, every request to the next replica, one killed ${kills} times: nothing acknowledged is lost`, async () => {
    let turn = 0;
    const balanced = {
      get url() {
        return (turn++ % 2 === 0 ? one : other).url;
      },
    };
    const acknowledged = await withPushingClients(balanced, clients, async (pushed) => {
      for (let kill = 0; kill < kills; kill++) {
        await pushed(pushes);
        await one.kill('SIGKILL');
        await one.start();
      }
      await pushed(pushes);
    });
    for (const [name, image] of acknowledged) await expectPullable(balanced, name, image);
  }, 240_000);
});
