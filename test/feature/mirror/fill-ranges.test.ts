import { randomBytes } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { useBlobMirror } from '../../support/mirrored-blobs.ts';
import { gate, until } from '../../support/until.ts';

const mirror = useBlobMirror();

describe('ranges', () => {
  test.each([
    ['bytes=10-19', 10, 19],
    ['bytes=999990-', 999_990, 999_999],
    ['bytes=-5', 999_995, 999_999],
  ])('%s of a cold blob', async (range, first, last) => {
    const bytes = randomBytes(1_000_000);
    const digest = mirror.upstream.addBlob('o/i', bytes);
    const answer = await mirror.get(digest, { Range: range });
    expect([answer.status, answer.headers['content-range']]).toEqual([206, `bytes ${first}-${last}/1000000`]);
    expect(answer.body.equals(bytes.subarray(first, last + 1))).toBe(true);
  });

  test('several ranges are served during the download', async () => {
    const bytes = randomBytes(500_000);
    const digest = mirror.upstream.addBlob('o/i', bytes);
    const rest = gate();
    mirror.upstream.misbehave('GET', /^cdn/, { stallAfter: 100_000, until: rest.opened });
    const pending = mirror.get(digest, { Range: 'bytes=5-9,400000-400009' });
    await until(() => mirror.blobGets() === 1);
    rest.open();
    const answer = await pending;
    expect(answer.status).toBe(206);
    expect(answer.body.includes(bytes.subarray(400_000, 400_010))).toBe(true);
  });

  test('several ranges are served when the blob is stored meanwhile', async () => {
    const bytes = randomBytes(40_000_000); // more than lies in sockets
    const digest = mirror.upstream.addBlob('o/i', bytes);
    const response = await fetch(mirror.berth.url + mirror.pathOf(digest), {
      headers: { Range: 'bytes=0-29999999,30000000-30000009' },
    });
    await until(async () => (await mirror.partials()).length === 0);
    expect(response.status).toBe(206);
    const body = Buffer.from(await response.arrayBuffer());
    expect(body.includes(bytes.subarray(30_000_000, 30_000_010))).toBe(true);
  });

  describe('ranges far ahead of the download', () => {
    const bytes = randomBytes(20_000_000);
    const range = { Range: 'bytes=19000000-19000999' };
    const expected = bytes.subarray(19_000_000, 19_001_000);

    test('a range comes from the upstream, and the download goes on', async () => {
      const digest = mirror.upstream.addBlob('o/i', bytes);
      const rest = gate();
      mirror.upstream.misbehave('GET', /^cdn/, { stallAfter: 100_000, until: rest.opened });
      const whole = mirror.get(digest);
      await until(() => mirror.blobGets() === 1);
      const answer = await mirror.get(digest, range);
      expect([answer.status, answer.body.equals(expected)]).toEqual([206, true]);
      expect(mirror.upstream.requests.at(-1)?.headers.range).toBe('bytes=19000000-19000999');
      rest.open();
      expect((await whole).body.equals(bytes)).toBe(true);
      expect(mirror.upstream.blobBytes).toBe(bytes.length + 1000);
    });

    test('an open range is fetched in pieces until the download is near', async () => {
      const digest = mirror.upstream.addBlob('o/i', bytes);
      const rest = gate();
      mirror.upstream.misbehave('GET', /^cdn/, { stallAfter: 100_000, until: rest.opened });
      const whole = mirror.get(digest);
      await until(() => mirror.blobGets() === 1);
      const answer = await mirror.get(digest, { Range: 'bytes=10000000-' });
      expect(answer.body.equals(bytes.subarray(10_000_000))).toBe(true);
      const asked = mirror.upstream.requests.flatMap(({ at, headers }) => (at === 'cdn' ? (headers.range ?? 'whole') : []));
      expect(asked).toEqual(['whole', 'bytes=10000000-18388607', 'bytes=18388608-19999999']);
      rest.open();
      expect((await whole).body.equals(bytes)).toBe(true);
    });

    test('an upstream that gives no ranges is waited for', async () => {
      const digest = mirror.upstream.addBlob('o/i', bytes);
      const rest = gate();
      mirror.upstream.misbehave('GET', /^cdn/, { stallAfter: 100_000, until: rest.opened });
      const whole = mirror.get(digest);
      await until(() => mirror.blobGets() === 1);
      mirror.upstream.misbehave('GET', /^cdn/, { ignoreRange: true });
      const pending = mirror.get(digest, range);
      await until(() => mirror.blobGets() === 2);
      rest.open();
      expect((await pending).body.equals(expected)).toBe(true);
      expect((await whole).body.equals(bytes)).toBe(true);
    });
  });

  test('If-Range of another version gives the whole; a range beyond the end 416', async () => {
    const bytes = randomBytes(1000);
    const digest = mirror.upstream.addBlob('o/i', bytes);
    expect((await mirror.get(digest, { Range: 'bytes=5-9', 'If-Range': '"other"' })).status).toBe(200);
    const beyond = await mirror.get(digest, { Range: 'bytes=1000-' });
    expect([beyond.status, beyond.headers['content-range']]).toEqual([416, 'bytes */1000']);
  });
});
