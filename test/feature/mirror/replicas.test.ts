import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { type BerthProcess, startBerthProcess } from '../../support/berth-process.ts';
import type { TestBerth } from '../../support/berth.ts';
import { type TestBlobs, createBlobs } from '../../support/blobs.ts';
import { call } from '../../support/call.ts';
import { type FakeUpstream, startFakeUpstream } from '../../support/fake-upstream.ts';
import { postgresSettings } from '../../support/metadata.ts';
import { type MirrorSettings, mirrorConfig, startMirror } from '../../support/mirror.ts';
import { type Database, createDatabase, postgresPrograms } from '../../support/postgres.ts';
import { describeWith } from '../../support/requires.ts';
import { gate, until } from '../../support/until.ts';

describeWith(postgresPrograms, 'replicas with folders of their own over one database and one blob store', () => {
  let upstream: FakeUpstream;
  let database: Database;
  let blobs: TestBlobs;
  let directory: string;
  let settings: Readonly<Record<string, string>>;
  let dispose: (() => Promise<unknown>)[];

  beforeEach(async () => {
    [upstream, database, blobs, directory] = await Promise.all([
      startFakeUpstream({ auth: 'bearer', redirectBlobs: true }),
      createDatabase(),
      createBlobs(),
      mkdtemp(join(tmpdir(), 'berth-replicas-')),
    ]);
    settings = {
      ...postgresSettings(database.url),
      ...blobs.settings,
      BERTH_STORAGE_BLOBS_DIRECTORY: join(directory, 'blobs'),
    };
    dispose = [];
  }, 180_000);
  afterEach(async () => {
    await Promise.all(dispose.map((one) => one()));
    await Promise.all([upstream.close(), database.drop(), blobs.dispose(), rm(directory, { recursive: true, maxRetries: 5 })]);
  }, 60_000);

  const mirrorOf = (name: string, mirror: object): MirrorSettings => ({
    upstreams: { 'ghcr.io': { url: upstream.url } },
    directory: join(directory, name),
    ...mirror,
  });

  async function replica(name: string, mirror: object = {}): Promise<TestBerth> {
    const berth = await startMirror(mirrorOf(name, mirror), settings);
    dispose.push(berth.close);
    return berth;
  }

  async function replicaProcess(name: string): Promise<BerthProcess> {
    const { file, remove } = await mirrorConfig(mirrorOf(name, {}));
    const berth = await startBerthProcess({ ...settings, BERTH_CONFIG: file });
    dispose.push(berth.dispose, remove);
    return berth;
  }

  const blobPath = (digest: string) => `/v2/ghcr.io/o/i/blobs/${digest}`;
  const downloads = () => upstream.count('GET', /verify=/, 'cdn');
  const get16 = (berth: { readonly url: string }, path: string) =>
    Promise.all(Array.from({ length: 16 }, () => call(berth, 'GET', path)));

  /** The upstream stands still after so many bytes of the next download, until the gate opens. */
  function stall(bytes: number, until: Promise<unknown>): void {
    upstream.misbehave('GET', /^cdn/, { stallAfter: bytes, until });
  }

  function expectBytes(answers: readonly { readonly status: number; readonly body: Buffer }[], bytes: Buffer): void {
    expect(answers.map(({ status, body }) => [status, body.equals(bytes)])).toEqual(answers.map(() => [200, true]));
  }

  test('16 clients at each of two replicas are one download; a HEAD waits for none', async () => {
    const patient = { timeouts: { headers: '100s' } };
    const [one, other] = await Promise.all([replica('one', patient), replica('other', patient)]);
    const bytes = randomBytes(3_000_000);
    const path = blobPath(upstream.addBlob('o/i', bytes));
    const rest = gate();
    stall(1_000_000, rest.opened);
    const pending = Promise.all([get16(one, path), get16(other, path)]);
    await until(() => downloads() === 1);
    expect((await Promise.all([one, other].map((berth) => call(berth, 'HEAD', path)))).map(({ status }) => status)).toEqual([
      200, 200,
    ]);
    rest.open();
    expectBytes((await pending).flat(), bytes);
    expect([downloads(), upstream.blobBytes]).toEqual([1, bytes.length]);
  }, 60_000);

  test('the replica that fetches is killed: another one does, and serves everybody', async () => {
    const [one, other] = await Promise.all([replicaProcess('one'), replica('other')]);
    const bytes = randomBytes(1_000_000);
    const path = blobPath(upstream.addBlob('o/i', bytes));
    const never = gate();
    stall(500_000, never.opened);
    const lost = call(one, 'GET', path).catch(() => 'lost');
    await until(() => downloads() === 1);
    const pending = get16(other, path);
    await one.kill('SIGKILL');
    expect(await lost).toBe('lost');
    expectBytes(await pending, bytes);
    expect(downloads()).toBe(2);
    never.open();
    await one.start();
    expectBytes(await get16(one, path), bytes);
    expect(downloads()).toBe(2);
  }, 60_000);

  test('the replica that fetches stands still: another one has patience for a while, then both fetch', async () => {
    const [one, other] = await Promise.all([replica('one'), replica('other', { timeouts: { headers: '5s' } })]);
    const bytes = randomBytes(1_000_000);
    const path = blobPath(upstream.addBlob('o/i', bytes));
    const rest = gate();
    stall(500_000, rest.opened);
    const first = get16(one, path);
    await until(() => downloads() === 1);
    expectBytes(await get16(other, path), bytes);
    expect(downloads()).toBe(2);
    rest.open();
    expectBytes(await first, bytes);
    expectBytes([...(await get16(one, path)), ...(await get16(other, path))], bytes);
    expect(downloads()).toBe(2);
  }, 60_000);

  test('the replica that fetches has a failing upstream: another one tries too', async () => {
    const [one, other] = await Promise.all([replica('one'), replica('other')]);
    const bytes = randomBytes(1000);
    const path = blobPath(upstream.addBlob('o/i', bytes));
    const answer = gate();
    upstream.misbehave('GET', /^registry.*blobs/, { status: 500, until: answer.opened });
    const first = call(one, 'GET', path);
    await until(() => upstream.count('GET', /blobs/) > 0);
    const second = call(other, 'GET', path);
    answer.open();
    expect((await first).status).toBe(502);
    expectBytes([await second], bytes);
  }, 60_000);
});
