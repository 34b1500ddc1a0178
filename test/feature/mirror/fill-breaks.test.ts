import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { useBlobMirror } from '../../support/mirrored-blobs.ts';
import { run } from '../../support/run.ts';
import { gate, until } from '../../support/until.ts';

const mirror = useBlobMirror();

describe('an upstream that breaks off', () => {
  test('five cuts, an ignored Range and an expired link are one complete 200', async () => {
    const bytes = randomBytes(3_000_000);
    const digest = mirror.upstream.addBlob('o/i', bytes);
    for (const cutAfter of [1, 700_000, 65_536, 300_001, 200_000]) mirror.upstream.misbehave('GET', /^cdn/, { cutAfter });
    mirror.upstream.misbehave('GET', /^cdn/, { ignoreRange: true, cutAfter: 2_000_000 });
    mirror.upstream.misbehave('GET', /^cdn/, { status: 403 });
    const answer = await mirror.get(digest);
    expect([answer.status, answer.body.equals(bytes)]).toEqual([200, true]);
    expect(mirror.blobGets()).toBe(8);
  });

  test('a link that the host of the blobs refuses at the first byte is replaced by a new one', async () => {
    const bytes = randomBytes(1000);
    const digest = mirror.upstream.addBlob('o/i', bytes);
    mirror.upstream.misbehave('GET', /^cdn/, { status: 403 });
    const answer = await mirror.get(digest);
    expect([answer.status, answer.body.equals(bytes), mirror.blobGets()]).toEqual([200, true, 2]);
    mirror.upstream.misbehave('GET', /^cdn/, { status: 403 }, 2);
    expect((await mirror.get(mirror.upstream.addBlob('o/i', randomBytes(10)))).status).toBe(502);
  });

  test('a link whose host asks for a login is replaced by a new one, once', async () => {
    const bytes = randomBytes(1000);
    const digest = mirror.upstream.addBlob('o/i', bytes);
    const refusal = { status: 401, headers: { 'WWW-Authenticate': 'Basic realm="cdn"' } };
    mirror.upstream.misbehave('GET', /^cdn/, refusal);
    const answer = await mirror.get(digest);
    expect([answer.status, answer.body.equals(bytes), mirror.blobGets()]).toEqual([200, true, 2]);
    mirror.upstream.misbehave('GET', /^cdn/, refusal, 2);
    expect((await mirror.get(mirror.upstream.addBlob('o/i', randomBytes(10)))).status).toBe(502);
  });

  test('a token that expires during a download is replaced', async () => {
    const bytes = randomBytes(1_000_000);
    const digest = mirror.upstream.addBlob('o/i', bytes);
    const moment = gate();
    mirror.upstream.misbehave('GET', /^cdn/, { stallAfter: 1000, until: moment.opened, cutAfter: 1000 });
    const pending = mirror.get(digest);
    await until(() => mirror.blobGets() === 1);
    mirror.upstream.expireTokens();
    moment.open();
    expect((await pending).body.equals(bytes)).toBe(true);
    expect(mirror.upstream.count('GET', /^\/token/, 'token')).toBe(2);
  });
});

test('a download that fails is cut short without extra bytes, and resumed by the next request', async () => {
  await mirror.startAnew({ auth: 'bearer', redirectBlobs: true }, { timeouts: { idle: '500ms' } });
  const bytes = randomBytes(1_000_000);
  const digest = mirror.upstream.addBlob('o/i', bytes);
  mirror.upstream.misbehave('GET', /^cdn/, { cutAfter: 600_000 });
  mirror.upstream.misbehave('GET', /^cdn/, { status: 502 }, 1000);
  const response = await fetch(mirror.berth.url + mirror.pathOf(digest));
  expect(response.status).toBe(200);
  let received = Buffer.alloc(0);
  await expect(
    (async () => {
      for await (const piece of response.body ?? []) received = Buffer.concat([received, piece as Uint8Array]);
    })(),
  ).rejects.toThrow();
  expect(received.equals(bytes.subarray(0, received.length))).toBe(true);
  const partial = digest.replace(':', '-');
  expect(await mirror.partials()).toEqual([partial]);
  const { size } = await stat(join(mirror.berth.directory, '.berth/fills/ghcr.io', partial));
  expect(size).toBeGreaterThan(0);
  mirror.berth = await mirror.berth.restart();
  mirror.upstream.behave();
  const before = mirror.upstream.blobBytes;
  await until(async () => (await mirror.get(digest)).body.equals(bytes));
  expect(mirror.upstream.blobBytes - before).toBe(bytes.length - size);
}, 60_000);

test('a server that is stopped between two attempts keeps the bytes of the download', async () => {
  const bytes = randomBytes(1_000_000);
  const digest = mirror.upstream.addBlob('o/i', bytes);
  mirror.upstream.misbehave('GET', /^cdn/, { cutAfter: 500_000 });
  mirror.upstream.misbehave('GET', /^cdn/, { status: 502 }, 4);
  const pending = mirror.get(digest).catch(() => undefined);
  await until(() => mirror.blobGets() === 4);
  mirror.berth = await mirror.berth.restart();
  await pending;
  mirror.upstream.behave();
  const before = mirror.upstream.blobBytes;
  expect((await mirror.get(digest)).body.equals(bytes)).toBe(true);
  expect(mirror.upstream.blobBytes - before).toBeLessThan(bytes.length);
});

test('a blob with another digest never gets its last byte and is not kept', async () => {
  const bytes = randomBytes(200_000);
  const digest = mirror.upstream.addBlob('o/i', bytes);
  mirror.upstream.misbehave('GET', /^cdn/, { lie: true });
  await expect(mirror.get(digest)).rejects.toThrow();
  await until(async () => (await mirror.partials()).length === 0);
  expect((await mirror.get(digest)).body.equals(bytes)).toBe(true);
});

const isRoot = process.getuid?.() === 0;
if (!isRoot) process.stderr.write('skipping the test with a full disk: only root can mount a small file system\n');

(isRoot ? test : test.skip)('a full disk stops no client from getting the blob, and leaves no file', async () => {
  const disk = await mkdtemp(join(tmpdir(), 'berth-disk-'));
  await run('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk]);
  await mirror.startBerthAnew({ directory: disk });
  const bytes = randomBytes(3_000_000);
  const digest = mirror.upstream.addBlob('o/i', bytes);
  const answers = await Promise.all([
    mirror.get(digest),
    mirror.get(digest),
    mirror.get(digest, { Range: 'bytes=2000000-2000009' }),
  ]);
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 206]);
  expect(answers[0].body.equals(bytes) && answers[1].body.equals(bytes)).toBe(true);
  expect(answers[2].body.equals(bytes.subarray(2_000_000, 2_000_010))).toBe(true);
  await until(async () => (await readdir(join(disk, 'ghcr.io'))).length === 0);
  mirror.upstream.misbehave('GET', /^cdn/, { lie: true }, 2);
  await expect(mirror.get(digest)).rejects.toThrow();
  await mirror.startBerthAnew({});
  await run('umount', [disk]);
  await rm(disk, { recursive: true });
});
