import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { freePort } from '../support/free-port.ts';
import { type BerthProcess, startBerthProcess } from '../support/berth-process.ts';
import { type TestBlobs, createBlobs } from '../support/blobs.ts';
import { call } from '../support/call.ts';
import { type TestImage, digestOf, pushBlob, pushImage } from '../support/images.ts';
import { isLong } from '../support/long.ts';
import { postgresSettings } from '../support/metadata.ts';
import { type Database, createDatabase, postgresPrograms } from '../support/postgres.ts';
import { expectPullable } from '../support/pushing-clients.ts';
import { describeWith } from '../support/requires.ts';
import { end, launch } from '../support/run.ts';
import { until } from '../support/until.ts';

const pullers = 4;
/** Restarts of each replica. */
const rounds = isLong ? 3 : 1;

describeWith([...postgresPrograms, 'caddy'], 'two replicas behind the proxy of deploy/compose', () => {
  let database: Database;
  let directory: string;
  let blobs: TestBlobs;
  let replicas: readonly [BerthProcess, BerthProcess];
  let caddy: ChildProcess;
  const proxy = { url: '' };

  beforeAll(async () => {
    [database, directory, blobs] = await Promise.all([
      createDatabase(),
      mkdtemp(join(tmpdir(), 'berth-rolling-')),
      createBlobs(),
    ]);
    const settings = { ...postgresSettings(database.url), ...blobs.settings, BERTH_STORAGE_BLOBS_DIRECTORY: directory };
    replicas = await Promise.all([startBerthProcess(settings), startBerthProcess(settings)]);
    proxy.url = `http://127.0.0.1:${await freePort()}`;
    const file = join(directory, 'Caddyfile');
    await writeFile(file, await caddyfile());
    const env = { ...process.env, XDG_DATA_HOME: directory, XDG_CONFIG_HOME: directory };
    let said = '';
    caddy = launch('caddy', ['run', '--config', file, '--adapter', 'caddyfile'], (text) => (said += text), env);
    await until(async () => {
      if (caddy.exitCode !== null) throw new Error(`caddy did not start:\n${said}`);
      return call(proxy, 'GET', '/v2/').then(
        ({ status }) => status === 200,
        () => false,
      );
    });
  }, 180_000);
  afterAll(async () => {
    await end(caddy);
    await Promise.all(replicas.map((replica) => replica.dispose()));
    await Promise.all([database.drop(), blobs.dispose(), rm(directory, { recursive: true, maxRetries: 5 })]);
  }, 60_000);

  /** The deployed file, on plain HTTP and with these replicas. */
  async function caddyfile(): Promise<string> {
    const deployed = await readFile(resolve(import.meta.dirname, '../../deploy/compose/Caddyfile'), 'utf8');
    return deployed
      .replace('local_certs', 'admin off')
      .replace('https://localhost', proxy.url)
      .replace('berth-1:5000', `127.0.0.1:${replicas[0].port}`)
      .replace('berth-2:5000', `127.0.0.1:${replicas[1].port}`);
  }

  test('no pull fails and no acknowledged push is lost when the replicas restart one after the other', async () => {
    const image = await pushImage(proxy, 'app', '1');
    const large = randomBytes(1_000_000);
    const largePath = `/v2/app/blobs/${await pushBlob(proxy, 'app', large)}`;
    const pushed: { name: string; image: TestImage }[] = [];
    let over = false;
    let pulls = 0;

    async function pull(): Promise<void> {
      while (!over) {
        await expectPullable(proxy, 'app:1', image);
        const answer = await call(proxy, 'GET', largePath);
        expect([answer.status, digestOf(answer.body)]).toEqual([200, digestOf(large)]);
        pulls++;
      }
    }

    async function push(): Promise<void> {
      for (let index = 0; !over; index++) {
        const name = `app${index}`;
        const one = await pushImage(proxy, name, '1').catch(() => undefined);
        if (one) pushed.push({ name: `${name}:1`, image: one });
      }
    }

    const working = Promise.all([...Array.from({ length: pullers }, pull), push()]);
    working.catch(() => undefined);
    for (let round = 0; round < rounds; round++) {
      for (const replica of replicas) {
        expect(await replica.kill('SIGTERM')).toBe(0);
        const before = pulls;
        await until(() => pulls > before + pullers, 30);
        await replica.start();
        await until(async () => (await call(replica, 'GET', '/readyz')).status === 200);
      }
    }
    over = true;
    await working;
    expect(pushed.length).toBeGreaterThan(0);
    for (const { name, image: one } of pushed) await expectPullable(proxy, name, one);
  }, 180_000);
});
