import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { sweepLeftovers } from '../../../src/mirror/fills/leftovers.ts';
import { createPartials } from '../../../src/mirror/fills/partials.ts';
import type { Digest } from '../../../src/oci/digest.ts';
import { createOwnerTags } from '../../../storage/owner-tag.ts';
import type { TestBerth } from '../../support/berth.ts';
import { call } from '../../support/call.ts';
import { type FakeUpstream, type FakeUpstreamOptions, startFakeUpstream } from '../../support/fake-upstream.ts';
import { digestOf } from '../../support/images.ts';
import { run } from '../../support/run.ts';
import { startMirror } from '../../support/mirror.ts';
import { gate, until } from '../../support/until.ts';

let upstream: FakeUpstream;
let berth: TestBerth;

async function start(options: FakeUpstreamOptions = {}, mirror: Readonly<Record<string, unknown>> = {}): Promise<void> {
  upstream = await startFakeUpstream(options);
  berth = await startMirror({ upstreams: { 'ghcr.io': { url: upstream.url } }, ...mirror });
}
beforeEach(() => start({ auth: 'bearer', redirectBlobs: true }));
afterEach(async () => {
  await berth.close();
  await upstream.close();
});

const pathOf = (digest: string, repository = 'o/i') => `/v2/ghcr.io/${repository}/blobs/${digest}`;
const get = (digest: string, headers = {}) => call(berth, 'GET', pathOf(digest), { headers });
const blobGets = () => upstream.count('GET', /verify=/, 'cdn');
const partials = () => readdir(join(berth.directory, '.berth/fills/ghcr.io'));

test('64 clients of a cold blob are one download', async () => {
  const bytes = randomBytes(3_000_000);
  const digest = upstream.addBlob('o/i', bytes);
  const answers = await Promise.all(Array.from({ length: 64 }, () => get(digest)));
  expect(answers.every(({ status, body }) => status === 200 && body.equals(bytes))).toBe(true);
  expect([blobGets(), upstream.blobBytes]).toEqual([1, bytes.length]);
  expect(answers.filter(({ headers }) => headers['x-mirror-cache'] === 'MISS')).toHaveLength(1);
  await until(async () => (await get(digest)).headers['x-mirror-cache'] === 'HIT');
  expect(blobGets()).toBe(1);
});

test('a blob that another repository has fetched is served after a HEAD, without a download', async () => {
  const bytes = randomBytes(1000);
  const digest = upstream.addBlob('o/i', bytes);
  upstream.addBlob('o/other', bytes);
  await get(digest);
  const other = await call(berth, 'GET', pathOf(digest, 'o/other'));
  expect([other.status, other.body.equals(bytes), blobGets()]).toEqual([200, true, 1]);
  expect((await call(berth, 'GET', pathOf(digest, 'o/third'))).status).toBe(404);
});

test('headers and first bytes are sent as soon as the upstream sends them', async () => {
  const bytes = randomBytes(1_000_000);
  const digest = upstream.addBlob('o/i', bytes);
  const rest = gate();
  upstream.misbehave('GET', /^cdn/, { stallAfter: 10_000, until: rest.opened });
  const response = await fetch(berth.url + pathOf(digest));
  expect([response.status, response.headers.get('content-length')]).toEqual([200, '1000000']);
  let received = 0;
  for await (const piece of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    received += piece.length;
    if (received >= 10_000) rest.open(); // nothing more comes before the first bytes have
  }
  expect(received).toBe(bytes.length);
});

test('an upstream that does not answer is 504', async () => {
  await berth.close();
  berth = await startMirror({
    upstreams: { 'ghcr.io': { url: upstream.url } },
    timeouts: { connect: '1s', headers: '100ms', idle: '1s' },
  });
  const digest = upstream.addBlob('o/i', randomBytes(10));
  const never = gate();
  upstream.misbehave('GET', /blobs/, { until: never.opened });
  expect((await get(digest)).status).toBe(504);
  never.open();
});

test('a client that vanishes does not end the download', async () => {
  const bytes = randomBytes(1_000_000);
  const digest = upstream.addBlob('o/i', bytes);
  const rest = gate();
  upstream.misbehave('GET', /^cdn/, { stallAfter: 100_000, until: rest.opened });
  const leaving = new AbortController();
  const response = await fetch(berth.url + pathOf(digest), { signal: leaving.signal });
  await response.body?.getReader().read();
  leaving.abort();
  rest.open();
  await until(async () => (await get(digest)).headers['x-mirror-cache'] === 'HIT');
  expect(blobGets()).toBe(1);
});

describe('mirror.finish', () => {
  /** A client takes the first bytes and leaves; the upstream has sent as many as it says and rests. */
  async function leaveEarly(digest: string, sentBytes: number): Promise<{ readonly rest: ReturnType<typeof gate> }> {
    const rest = gate();
    upstream.misbehave('GET', /^cdn/, { stallAfter: sentBytes, until: rest.opened });
    const leaving = new AbortController();
    const response = await fetch(berth.url + pathOf(digest), { signal: leaving.signal });
    await response.body?.getReader().read();
    const partial = join(berth.directory, '.berth/fills/ghcr.io', digest.replace(':', '-'));
    await until(async () => (await stat(partial)).size === sentBytes);
    leaving.abort();
    return { rest };
  }
  const metric = async (name: string) =>
    Number(new RegExp(`^berth_mirror_${name} (\\d+)`, 'm').exec((await call(berth, 'GET', '/metrics')).body.toString())?.[1]);
  const restart = async () => {
    await berth.close();
    berth = await startMirror({
      upstreams: { 'ghcr.io': { url: upstream.url } },
      finish: { percent: 50, size: '10KiB' },
    });
  };

  test('a download that has just begun ends with its last client, and the next client resumes it', async () => {
    await restart();
    const bytes = randomBytes(1_000_000);
    const digest = upstream.addBlob('o/i', bytes);
    const { rest } = await leaveEarly(digest, 400_000);
    await until(async () => (await metric('fills')) === 0);
    expect(await metric('abandoned_total')).toBe(1);
    rest.open();
    expect((await get(digest)).body.equals(bytes)).toBe(true);
    expect(upstream.requests.at(-1)?.headers.range).toBe('bytes=400000-');
  });

  test.each([
    ['half of it has come', 1_000_000, 600_000],
    ['it is small', 10_000, 100],
  ])('a download goes on without clients when %s', async (_when, sizeBytes, sentBytes) => {
    await restart();
    const digest = upstream.addBlob('o/i', randomBytes(sizeBytes));
    const { rest } = await leaveEarly(digest, sentBytes);
    rest.open();
    await until(async () => (await call(berth, 'HEAD', pathOf(digest))).headers['x-mirror-cache'] === 'HIT');
    expect([blobGets(), await metric('abandoned_total')]).toEqual([1, 0]);
  });
});

describe('HEAD of a cold blob', () => {
  test('HEAD of a cold blob is one HEAD at the upstream', async () => {
    const digest = upstream.addBlob('o/i', randomBytes(5000));
    const answer = await call(berth, 'HEAD', pathOf(digest));
    expect([answer.status, answer.headers['content-length']]).toEqual([200, '5000']);
    expect([upstream.count('GET', /blobs/), blobGets(), upstream.blobBytes]).toEqual([0, 0, 0]);
  });

  test('HEAD of a blob that a manifest lists causes no request', async () => {
    const image = upstream.addImage('o/i', '1', 7000);
    await call(berth, 'GET', '/v2/ghcr.io/o/i/manifests/1');
    const answer = await call(berth, 'HEAD', pathOf(digestOf(image.layer)));
    expect([answer.status, answer.headers['content-length']]).toEqual([200, '7000']);
    expect(upstream.count('HEAD', /blobs/) + upstream.count('GET', /blobs/)).toBe(0);
  });
});

describe('ranges', () => {
  test.each([
    ['bytes=10-19', 10, 19],
    ['bytes=999990-', 999_990, 999_999],
    ['bytes=-5', 999_995, 999_999],
  ])('%s of a cold blob', async (range, first, last) => {
    const bytes = randomBytes(1_000_000);
    const digest = upstream.addBlob('o/i', bytes);
    const answer = await get(digest, { Range: range });
    expect([answer.status, answer.headers['content-range']]).toEqual([206, `bytes ${first}-${last}/1000000`]);
    expect(answer.body.equals(bytes.subarray(first, last + 1))).toBe(true);
  });

  test('several ranges are served during the download', async () => {
    const bytes = randomBytes(500_000);
    const digest = upstream.addBlob('o/i', bytes);
    const rest = gate();
    upstream.misbehave('GET', /^cdn/, { stallAfter: 100_000, until: rest.opened });
    const pending = get(digest, { Range: 'bytes=5-9,400000-400009' });
    await until(() => blobGets() === 1);
    rest.open();
    const answer = await pending;
    expect(answer.status).toBe(206);
    expect(answer.body.includes(bytes.subarray(400_000, 400_010))).toBe(true);
  });

  test('several ranges are served when the blob is stored meanwhile', async () => {
    const bytes = randomBytes(40_000_000); // more than lies in sockets
    const digest = upstream.addBlob('o/i', bytes);
    const response = await fetch(berth.url + pathOf(digest), { headers: { Range: 'bytes=0-29999999,30000000-30000009' } });
    await until(async () => (await partials()).length === 0);
    expect(response.status).toBe(206);
    const body = Buffer.from(await response.arrayBuffer());
    expect(body.includes(bytes.subarray(30_000_000, 30_000_010))).toBe(true);
  });

  describe('ranges far ahead of the download', () => {
    const bytes = randomBytes(20_000_000);
    const range = { Range: 'bytes=19000000-19000999' };
    const expected = bytes.subarray(19_000_000, 19_001_000);

    test('a range comes from the upstream, and the download goes on', async () => {
      const digest = upstream.addBlob('o/i', bytes);
      const rest = gate();
      upstream.misbehave('GET', /^cdn/, { stallAfter: 100_000, until: rest.opened });
      const whole = get(digest);
      await until(() => blobGets() === 1);
      const answer = await get(digest, range);
      expect([answer.status, answer.body.equals(expected)]).toEqual([206, true]);
      expect(upstream.requests.at(-1)?.headers.range).toBe('bytes=19000000-19000999');
      rest.open();
      expect((await whole).body.equals(bytes)).toBe(true);
      expect(upstream.blobBytes).toBe(bytes.length + 1000);
    });

    test('an open range is fetched in pieces until the download is near', async () => {
      const digest = upstream.addBlob('o/i', bytes);
      const rest = gate();
      upstream.misbehave('GET', /^cdn/, { stallAfter: 100_000, until: rest.opened });
      const whole = get(digest);
      await until(() => blobGets() === 1);
      const answer = await get(digest, { Range: 'bytes=10000000-' });
      expect(answer.body.equals(bytes.subarray(10_000_000))).toBe(true);
      const asked = upstream.requests.flatMap(({ at, headers }) => (at === 'cdn' ? (headers.range ?? 'whole') : []));
      expect(asked).toEqual(['whole', 'bytes=10000000-18388607', 'bytes=18388608-19999999']);
      rest.open();
      expect((await whole).body.equals(bytes)).toBe(true);
    });

    test('an upstream that gives no ranges is waited for', async () => {
      const digest = upstream.addBlob('o/i', bytes);
      const rest = gate();
      upstream.misbehave('GET', /^cdn/, { stallAfter: 100_000, until: rest.opened });
      const whole = get(digest);
      await until(() => blobGets() === 1);
      upstream.misbehave('GET', /^cdn/, { ignoreRange: true });
      const pending = get(digest, range);
      await until(() => blobGets() === 2);
      rest.open();
      expect((await pending).body.equals(expected)).toBe(true);
      expect((await whole).body.equals(bytes)).toBe(true);
    });
  });

  test('If-Range of another version gives the whole; a range beyond the end 416', async () => {
    const bytes = randomBytes(1000);
    const digest = upstream.addBlob('o/i', bytes);
    expect((await get(digest, { Range: 'bytes=5-9', 'If-Range': '"other"' })).status).toBe(200);
    const beyond = await get(digest, { Range: 'bytes=1000-' });
    expect([beyond.status, beyond.headers['content-range']]).toEqual([416, 'bytes */1000']);
  });
});

describe('an upstream that breaks off', () => {
  test('five cuts, an ignored Range and an expired link are one complete 200', async () => {
    const bytes = randomBytes(3_000_000);
    const digest = upstream.addBlob('o/i', bytes);
    for (const cutAfter of [1, 700_000, 65_536, 300_001, 200_000]) upstream.misbehave('GET', /^cdn/, { cutAfter });
    upstream.misbehave('GET', /^cdn/, { ignoreRange: true, cutAfter: 2_000_000 });
    upstream.misbehave('GET', /^cdn/, { status: 403 });
    const answer = await get(digest);
    expect([answer.status, answer.body.equals(bytes)]).toEqual([200, true]);
    expect(blobGets()).toBe(8);
  });

  test('a link that the host of the blobs refuses at the first byte is replaced by a new one', async () => {
    const bytes = randomBytes(1000);
    const digest = upstream.addBlob('o/i', bytes);
    upstream.misbehave('GET', /^cdn/, { status: 403 });
    const answer = await get(digest);
    expect([answer.status, answer.body.equals(bytes), blobGets()]).toEqual([200, true, 2]);
    upstream.misbehave('GET', /^cdn/, { status: 403 }, 2);
    expect((await get(upstream.addBlob('o/i', randomBytes(10)))).status).toBe(502);
  });

  test('a link whose host asks for a login is replaced by a new one, once', async () => {
    const bytes = randomBytes(1000);
    const digest = upstream.addBlob('o/i', bytes);
    const refusal = { status: 401, headers: { 'WWW-Authenticate': 'Basic realm="cdn"' } };
    upstream.misbehave('GET', /^cdn/, refusal);
    const answer = await get(digest);
    expect([answer.status, answer.body.equals(bytes), blobGets()]).toEqual([200, true, 2]);
    upstream.misbehave('GET', /^cdn/, refusal, 2);
    expect((await get(upstream.addBlob('o/i', randomBytes(10)))).status).toBe(502);
  });

  test('a token that expires during a download is replaced', async () => {
    const bytes = randomBytes(1_000_000);
    const digest = upstream.addBlob('o/i', bytes);
    const moment = gate();
    upstream.misbehave('GET', /^cdn/, { stallAfter: 1000, until: moment.opened, cutAfter: 1000 });
    const pending = get(digest);
    await until(() => blobGets() === 1);
    upstream.expireTokens();
    moment.open();
    expect((await pending).body.equals(bytes)).toBe(true);
    expect(upstream.count('GET', /^\/token/, 'token')).toBe(2);
  });
});

test('a download that fails is cut short without extra bytes, and resumed by the next request', async () => {
  await Promise.all([berth.close(), upstream.close()]);
  await start({ auth: 'bearer', redirectBlobs: true }, { timeouts: { idle: '500ms' } });
  const bytes = randomBytes(1_000_000);
  const digest = upstream.addBlob('o/i', bytes);
  upstream.misbehave('GET', /^cdn/, { cutAfter: 600_000 });
  upstream.misbehave('GET', /^cdn/, { status: 502 }, 1000);
  const response = await fetch(berth.url + pathOf(digest));
  expect(response.status).toBe(200);
  let received = Buffer.alloc(0);
  await expect(
    (async () => {
      for await (const piece of response.body ?? []) received = Buffer.concat([received, piece as Uint8Array]);
    })(),
  ).rejects.toThrow();
  expect(received.equals(bytes.subarray(0, received.length))).toBe(true);
  const partial = digest.replace(':', '-');
  expect(await partials()).toEqual([partial]);
  const { size } = await stat(join(berth.directory, '.berth/fills/ghcr.io', partial));
  expect(size).toBeGreaterThan(0);
  berth = await berth.restart();
  upstream.behave();
  const before = upstream.blobBytes;
  await until(async () => (await get(digest)).body.equals(bytes));
  expect(upstream.blobBytes - before).toBe(bytes.length - size);
}, 60_000);

test('a server that is stopped between two attempts keeps the bytes of the download', async () => {
  const bytes = randomBytes(1_000_000);
  const digest = upstream.addBlob('o/i', bytes);
  upstream.misbehave('GET', /^cdn/, { cutAfter: 500_000 });
  upstream.misbehave('GET', /^cdn/, { status: 502 }, 4);
  const pending = get(digest).catch(() => undefined);
  await until(() => blobGets() === 4);
  berth = await berth.restart();
  await pending;
  upstream.behave();
  const before = upstream.blobBytes;
  expect((await get(digest)).body.equals(bytes)).toBe(true);
  expect(upstream.blobBytes - before).toBeLessThan(bytes.length);
});

test('a blob with another digest never gets its last byte and is not kept', async () => {
  const bytes = randomBytes(200_000);
  const digest = upstream.addBlob('o/i', bytes);
  upstream.misbehave('GET', /^cdn/, { lie: true });
  await expect(get(digest)).rejects.toThrow();
  await until(async () => (await partials()).length === 0);
  expect((await get(digest)).body.equals(bytes)).toBe(true);
});

describe('several processes that share a folder', () => {
  test('16 clients of each of two processes are one download', async () => {
    const bytes = randomBytes(2_000_000);
    const digest = upstream.addBlob('o/i', bytes);
    const other = await startMirror({ upstreams: { 'ghcr.io': { url: upstream.url } } }, berth.environment);
    const rest = gate();
    upstream.misbehave('GET', /^cdn/, { stallAfter: 500_000, until: rest.opened });
    const pending = [berth, other].flatMap((server) => Array.from({ length: 16 }, () => call(server, 'GET', pathOf(digest))));
    await until(() => blobGets() === 1);
    rest.open();
    const answers = await Promise.all(pending);
    await other.close();
    expect(answers.every(({ status, body }) => status === 200 && body.equals(bytes))).toBe(true);
    expect(blobGets()).toBe(1);
  });

  test('an upstream that refuses HEAD of blobs hinders no client of another process', async () => {
    const bytes = randomBytes(200_000);
    const digest = upstream.addBlob('o/i', bytes);
    const other = await startMirror({ upstreams: { 'ghcr.io': { url: upstream.url } } }, berth.environment);
    const rest = gate();
    upstream.misbehave('HEAD', /blobs/, { status: 405 }, 99);
    upstream.misbehave('GET', /^cdn/, { stallAfter: 50_000, until: rest.opened });
    const first = get(digest);
    await until(() => blobGets() === 1);
    const followers = Array.from({ length: 4 }, () => call(other, 'GET', pathOf(digest)));
    await until(() => upstream.count('HEAD', /blobs/) > 0);
    rest.open();
    const answers = await Promise.all([first, ...followers]);
    await other.close();
    expect(answers.map(({ status, body }) => [status, body.equals(bytes)])).toEqual(answers.map(() => [200, true]));
    expect((await call(berth, 'HEAD', pathOf(upstream.addBlob('o/i', bytes.subarray(1))))).headers['content-length']).toBe(
      '199999',
    );
  });

  test('files of broken downloads are deleted after a while, and the oldest ones above a limit', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'berth-partials-'));
    const partials = await createPartials(folder);
    const left = ['newest', 'new', 'old', 'owned', 'oldest'].map((text) => digestOf(text) as Digest);
    for (const [age, digest] of left.entries()) {
      await writeFile(partials.pathOf(digest), Buffer.alloc(10));
      await utimes(partials.pathOf(digest), 1000 - age, 1000 - age);
    }
    const [newest = '', next = '', , owned = ''] = left.map((digest) => digest.replace(':', '-'));
    const sweep = async (before: number, maxBytes: number) => sweepLeftovers(await partials.leftovers(), before, maxBytes);
    const claim = await partials.lock(left[3] as Digest);
    expect(await sweep(997_000, 1000)).toBe(1);
    expect(await sweep(0, 25)).toBe(1);
    expect((await readdir(folder)).sort()).toEqual([newest, next, owned, `${owned}.owner`].sort());
    await claim?.release();
    expect(await sweep(Infinity, Infinity)).toBe(3);
    expect(await readdir(folder)).toEqual([]);
    await rm(folder, { recursive: true });
  });

  test('files of crashed processes stay until the folder is tidied, and block no download meanwhile', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'berth-partials-'));
    const crashed = (await createOwnerTags()).own.replace(/[^.]*$/, '00000000');
    const [one, other] = [digestOf('one') as Digest, digestOf('other') as Digest];
    const names = [one, other].map((digest) => `${digest.replace(':', '-')}.owner`);
    for (const name of names) await writeFile(join(folder, name), `${crashed} 10`);
    await writeFile(join(folder, `${names[0] ?? ''}.${crashed}.draft`), crashed);
    await writeFile(join(folder, `${digestOf('one').replace(':', '-')}.reader.${crashed}.1`), '');
    const partials = await createPartials(folder);
    expect(await readdir(folder)).toHaveLength(4);
    const claim = await partials.lock(one);
    expect([claim !== undefined, await partials.isFollowed(one)]).toEqual([true, false]);
    await partials.removeAbandoned();
    expect(await readdir(folder)).toEqual([names[0]]);
    await rm(folder, { recursive: true });
  });

  test('the owner of a download knows its readers in other processes', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'berth-partials-'));
    const [owner, other] = [await createPartials(folder), await createPartials(folder)];
    const [read, unread] = [digestOf('read') as Digest, digestOf('unread') as Digest];
    const follower = await other.follow(read);
    expect([await owner.isFollowed(read), await owner.isFollowed(unread)]).toEqual([true, false]);
    await follower.unsubscribe();
    expect(await owner.isFollowed(read)).toBe(false);
    expect(await readdir(folder)).toEqual([]);
    await rm(folder, { recursive: true });
  });

  test('one of many processes gets the lock of a blob', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'berth-claims-'));
    const [one, two] = [await createPartials(directory), await createPartials(directory)];
    for (let round = 0; round < 100; round++) {
      const digest = digestOf(randomBytes(8)) as Digest;
      const claims = await Promise.all([one, two, one, two].map((partials) => partials.lock(digest)));
      expect(claims.filter((claim) => claim !== undefined)).toHaveLength(1);
    }
    await rm(directory, { recursive: true });
  });
});

const isRoot = process.getuid?.() === 0;
if (!isRoot) process.stderr.write('skipping the test with a full disk: only root can mount a small file system\n');

(isRoot ? test : test.skip)('a full disk stops no client from getting the blob, and leaves no file', async () => {
  await berth.close();
  const disk = await mkdtemp(join(tmpdir(), 'berth-disk-'));
  await run('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk]);
  berth = await startMirror({ upstreams: { 'ghcr.io': { url: upstream.url } }, directory: disk });
  const bytes = randomBytes(3_000_000);
  const digest = upstream.addBlob('o/i', bytes);
  const answers = await Promise.all([get(digest), get(digest), get(digest, { Range: 'bytes=2000000-2000009' })]);
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 206]);
  expect(answers[0].body.equals(bytes) && answers[1].body.equals(bytes)).toBe(true);
  expect(answers[2].body.equals(bytes.subarray(2_000_000, 2_000_010))).toBe(true);
  await until(async () => (await readdir(join(disk, 'ghcr.io'))).length === 0);
  upstream.misbehave('GET', /^cdn/, { lie: true }, 2);
  await expect(get(digest)).rejects.toThrow();
  await berth.close();
  await run('umount', [disk]);
  await rm(disk, { recursive: true });
  berth = await startMirror({ upstreams: { 'ghcr.io': { url: upstream.url } } });
});

test('blobs are requested and served without content encoding', async () => {
  const digest = upstream.addBlob('o/i', randomBytes(100));
  upstream.misbehave('GET', /^cdn/, { headers: { 'Content-Encoding': 'gzip' } });
  const answer = await get(digest, { 'Accept-Encoding': 'zstd, gzip' });
  expect(answer.headers['content-encoding']).toBeUndefined();
  expect(upstream.requests.filter(({ headers }) => headers['accept-encoding'] !== 'identity' && !headers['user-agent'])).toEqual(
    [],
  );
  expect(new Set(upstream.requests.filter(({ at }) => at !== 'token').map(({ headers }) => headers['accept-encoding']))).toEqual(
    new Set(['identity']),
  );
});
