import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { createFilesystemDriver } from '../../../storage/blobs/filesystem/filesystem-driver.ts';
import { createFillSpace } from '../../../src/mirror/fills/fill-space.ts';
import { type FillsOptions, createFills } from '../../../src/mirror/fills/fills.ts';
import { createRunningDownloads } from '../../../src/mirror/fills/other-copies.ts';
import { call } from '../../support/call.ts';
import { digestOf } from '../../support/images.ts';
import { useBlobMirror } from '../../support/mirrored-blobs.ts';
import { gate, until } from '../../support/until.ts';

const mirror = useBlobMirror();

test('64 clients of a cold blob are one download', async () => {
  const bytes = randomBytes(3_000_000);
  const digest = mirror.upstream.addBlob('o/i', bytes);
  const answers = await Promise.all(Array.from({ length: 64 }, () => mirror.get(digest)));
  expect(answers.every(({ status, body }) => status === 200 && body.equals(bytes))).toBe(true);
  expect([mirror.blobGets(), mirror.upstream.blobBytes]).toEqual([1, bytes.length]);
  expect(answers.filter(({ headers }) => headers['x-mirror-cache'] === 'MISS')).toHaveLength(1);
  await until(async () => (await mirror.get(digest)).headers['x-mirror-cache'] === 'HIT');
  expect(mirror.blobGets()).toBe(1);
});

test('a blob that another repository has fetched is served after a HEAD, without a download', async () => {
  const bytes = randomBytes(1000);
  const digest = mirror.upstream.addBlob('o/i', bytes);
  mirror.upstream.addBlob('o/other', bytes);
  await mirror.get(digest);
  const other = await call(mirror.berth, 'GET', mirror.pathOf(digest, 'o/other'));
  expect([other.status, other.body.equals(bytes), mirror.blobGets()]).toEqual([200, true, 1]);
  expect((await call(mirror.berth, 'GET', mirror.pathOf(digest, 'o/third'))).status).toBe(404);
});

test('headers and first bytes are sent as soon as the upstream sends them', async () => {
  const bytes = randomBytes(1_000_000);
  const digest = mirror.upstream.addBlob('o/i', bytes);
  const rest = gate();
  mirror.upstream.misbehave('GET', /^cdn/, { stallAfter: 10_000, until: rest.opened });
  const response = await fetch(mirror.berth.url + mirror.pathOf(digest));
  expect([response.status, response.headers.get('content-length')]).toEqual([200, '1000000']);
  let received = 0;
  for await (const piece of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    received += piece.length;
    if (received >= 10_000) rest.open(); // nothing more comes before the first bytes have
  }
  expect(received).toBe(bytes.length);
});

test('an upstream that does not answer is 504', async () => {
  await mirror.startBerthAnew({ timeouts: { connect: '1s', headers: '100ms', idle: '1s' } });
  const digest = mirror.upstream.addBlob('o/i', randomBytes(10));
  const never = gate();
  mirror.upstream.misbehave('GET', /blobs/, { until: never.opened });
  expect((await mirror.get(digest)).status).toBe(504);
  never.open();
});

test('a client that vanishes does not end the download', async () => {
  const bytes = randomBytes(1_000_000);
  const digest = mirror.upstream.addBlob('o/i', bytes);
  const rest = gate();
  mirror.upstream.misbehave('GET', /^cdn/, { stallAfter: 100_000, until: rest.opened });
  const leaving = new AbortController();
  const response = await fetch(mirror.berth.url + mirror.pathOf(digest), { signal: leaving.signal });
  await response.body?.getReader().read();
  leaving.abort();
  rest.open();
  await until(async () => (await mirror.get(digest)).headers['x-mirror-cache'] === 'HIT');
  expect(mirror.blobGets()).toBe(1);
});

describe('mirror.finish', () => {
  /** A client takes the first bytes and leaves; the upstream has sent as many as it says and rests. */
  async function leaveEarly(digest: string, sentBytes: number): Promise<{ readonly rest: ReturnType<typeof gate> }> {
    const rest = gate();
    mirror.upstream.misbehave('GET', /^cdn/, { stallAfter: sentBytes, until: rest.opened });
    const leaving = new AbortController();
    const response = await fetch(mirror.berth.url + mirror.pathOf(digest), { signal: leaving.signal });
    await response.body?.getReader().read();
    const partial = join(mirror.berth.directory, '.berth/fills/ghcr.io', digest.replace(':', '-'));
    await until(async () => (await stat(partial)).size === sentBytes);
    leaving.abort();
    return { rest };
  }
  const metric = async (name: string) =>
    Number(
      new RegExp(`^berth_mirror_${name} (\\d+)`, 'm').exec((await call(mirror.berth, 'GET', '/metrics')).body.toString())?.[1],
    );
  const restart = () => mirror.startBerthAnew({ finish: { percent: 50, size: '10KiB' } });

  test('a download that has just begun ends with its last client, and the next client resumes it', async () => {
    await restart();
    const bytes = randomBytes(1_000_000);
    const digest = mirror.upstream.addBlob('o/i', bytes);
    const { rest } = await leaveEarly(digest, 400_000);
    await until(async () => (await metric('fills')) === 0);
    expect(await metric('abandoned_total')).toBe(1);
    rest.open();
    expect((await mirror.get(digest)).body.equals(bytes)).toBe(true);
    expect(mirror.upstream.requests.at(-1)?.headers.range).toBe('bytes=400000-');
  });

  test.each([
    ['half of it has come', 1_000_000, 600_000],
    ['it is small', 10_000, 100],
  ])('a download goes on without clients when %s', async (_when, sizeBytes, sentBytes) => {
    await restart();
    const digest = mirror.upstream.addBlob('o/i', randomBytes(sizeBytes));
    const { rest } = await leaveEarly(digest, sentBytes);
    rest.open();
    await until(async () => (await call(mirror.berth, 'HEAD', mirror.pathOf(digest))).headers['x-mirror-cache'] === 'HIT');
    expect([mirror.blobGets(), await metric('abandoned_total')]).toEqual([1, 0]);
  });
});

describe('HEAD of a cold blob', () => {
  test('HEAD of a cold blob is one HEAD at the upstream', async () => {
    const digest = mirror.upstream.addBlob('o/i', randomBytes(5000));
    const answer = await call(mirror.berth, 'HEAD', mirror.pathOf(digest));
    expect([answer.status, answer.headers['content-length']]).toEqual([200, '5000']);
    expect([mirror.upstream.count('GET', /blobs/), mirror.blobGets(), mirror.upstream.blobBytes]).toEqual([0, 0, 0]);
  });

  test('HEAD of a blob that a manifest lists causes no request', async () => {
    const image = mirror.upstream.addImage('o/i', '1', 7000);
    await call(mirror.berth, 'GET', '/v2/ghcr.io/o/i/manifests/1');
    const answer = await call(mirror.berth, 'HEAD', mirror.pathOf(digestOf(image.layer)));
    expect([answer.status, answer.headers['content-length']]).toEqual([200, '7000']);
    expect(mirror.upstream.count('HEAD', /blobs/) + mirror.upstream.count('GET', /blobs/)).toBe(0);
  });
});

test('blobs are requested and served without content encoding', async () => {
  const digest = mirror.upstream.addBlob('o/i', randomBytes(100));
  mirror.upstream.misbehave('GET', /^cdn/, { headers: { 'Content-Encoding': 'gzip' } });
  const answer = await mirror.get(digest, { 'Accept-Encoding': 'zstd, gzip' });
  expect(answer.headers['content-encoding']).toBeUndefined();
  expect(
    mirror.upstream.requests.filter(({ headers }) => headers['accept-encoding'] !== 'identity' && !headers['user-agent']),
  ).toEqual([]);
  expect(
    new Set(mirror.upstream.requests.filter(({ at }) => at !== 'token').map(({ headers }) => headers['accept-encoding'])),
  ).toEqual(new Set(['identity']));
});

describe('several processes that share a folder', () => {
  test('16 clients of each of two processes are one download', async () => {
    const bytes = randomBytes(2_000_000);
    const digest = mirror.upstream.addBlob('o/i', bytes);
    const other = await mirror.startOther();
    const rest = gate();
    mirror.upstream.misbehave('GET', /^cdn/, { stallAfter: 500_000, until: rest.opened });
    const pending = [mirror.berth, other].flatMap((server) =>
      Array.from({ length: 16 }, () => call(server, 'GET', mirror.pathOf(digest))),
    );
    await until(() => mirror.blobGets() === 1);
    rest.open();
    const answers = await Promise.all(pending);
    await other.close();
    expect(answers.every(({ status, body }) => status === 200 && body.equals(bytes))).toBe(true);
    expect(mirror.blobGets()).toBe(1);
  });

  test('an upstream that refuses HEAD of blobs hinders no client of another process', async () => {
    const bytes = randomBytes(200_000);
    const digest = mirror.upstream.addBlob('o/i', bytes);
    const other = await mirror.startOther();
    const rest = gate();
    mirror.upstream.misbehave('HEAD', /blobs/, { status: 405 }, 99);
    mirror.upstream.misbehave('GET', /^cdn/, { stallAfter: 50_000, until: rest.opened });
    const first = mirror.get(digest);
    await until(() => mirror.blobGets() === 1);
    const followers = Array.from({ length: 4 }, () => call(other, 'GET', mirror.pathOf(digest)));
    await until(() => mirror.upstream.count('HEAD', /blobs/) > 0);
    rest.open();
    const answers = await Promise.all([first, ...followers]);
    await other.close();
    expect(answers.map(({ status, body }) => [status, body.equals(bytes)])).toEqual(answers.map(() => [200, true]));
    expect(
      (await call(mirror.berth, 'HEAD', mirror.pathOf(mirror.upstream.addBlob('o/i', bytes.subarray(1))))).headers[
        'content-length'
      ],
    ).toBe('199999');
  });
});

test.each<[string, FillsOptions['events']['watchDownload']]>([
  ['before its download begins', () => Promise.reject(new Error('broken'))],
  [
    'in the middle of its begin',
    async (_upstream, _digest, run) => {
      await run();
    },
  ],
])('a fill that fails %s is an error for its client, and the next client begins a new one', async (_when, watchDownload) => {
  const directory = await mkdtemp(join(tmpdir(), 'berth-fills-'));
  const running = createRunningDownloads();
  const broken = () => {
    throw new Error('broken');
  };
  const driver = await createFilesystemDriver({ directory });
  const fills = await createFills({
    upstream: 'ghcr.io',
    driver,
    directory: join(directory, 'fills'),
    replicaLock: undefined,
    space: createFillSpace(Infinity),
    keep: () => Promise.resolve(true),
    isWorthFinishing: () => true,
    findStored: () => Promise.resolve(undefined),
    running: { ...running, add: broken },
    events: { downloadAbandoned: () => undefined, downloadFailed: () => undefined, watchDownload },
    idleSeconds: 10,
  });
  const source = { fetch: () => new Promise<never>(() => undefined), promisedBytes: undefined } as never;
  const reference = { repository: 'ghcr.io/o/i', upstream: 'ghcr.io', byLogin: false } as never;
  const joinFill = () => fills.join(digestOf('x'), reference, source, () => Promise.resolve());
  await expect(joinFill()).rejects.toThrow('broken');
  await expect(joinFill()).rejects.toThrow('broken');
  expect(fills.count).toBe(0);
  await fills.close();
  await driver.close();
  await rm(directory, { recursive: true });
});
