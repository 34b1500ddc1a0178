import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type TestBerth, startBerth } from '../../support/berth.ts';
import { call } from '../../support/call.ts';
import { digestOf, pushBlob } from '../../support/images.ts';

let berth: TestBerth;
const bytes = randomBytes(300_000);
const digest = digestOf(bytes);
const path = `/v2/team/app/blobs/${digest}`;

beforeAll(async () => {
  berth = await startBerth();
  await pushBlob(berth, 'team/app', bytes);
});
afterAll(() => berth.close());

describe('end-2 GET /v2/<name>/blobs/<digest>', () => {
  test('end-2 GET answers the bytes with digest, length, ETag and immutability', async () => {
    const answer = await call(berth, 'GET', path);
    expect(answer.status).toBe(200);
    expect(answer.body.equals(bytes)).toBe(true);
    expect(answer.headers).toMatchObject({
      'docker-content-digest': digest,
      'content-length': '300000',
      etag: `"${digest}"`,
      'accept-ranges': 'bytes',
      'content-type': 'application/octet-stream',
      'docker-distribution-api-version': 'registry/2.0',
    });
    expect(answer.header('cache-control')).toContain('immutable');
  });

  test('end-2 HEAD answers the same headers and no body', async () => {
    const answer = await call(berth, 'HEAD', path);
    expect([answer.status, answer.header('content-length'), answer.body.length]).toEqual([200, '300000', 0]);
    expect(answer.header('docker-content-digest')).toBe(digest);
  });

  test('end-2 GET of a digest with an escaped colon answers the same blob', async () => {
    expect((await call(berth, 'GET', path.replace('sha256:', 'sha256%3A'))).status).toBe(200);
  });

  test('end-2 GET of an unknown blob, or of a blob of another repository, answers 404 BLOB_UNKNOWN', async () => {
    for (const unknown of [`/v2/team/app/blobs/${digestOf('nothing')}`, `/v2/team/other/blobs/${digest}`]) {
      const answer = await call(berth, 'GET', unknown);
      expect([answer.status, answer.codes()]).toEqual([404, ['BLOB_UNKNOWN']]);
      expect((await call(berth, 'HEAD', unknown)).status).toBe(404);
    }
  });

  test.each([
    'sha256:abc',
    'sha256:' + 'A'.repeat(64),
    'md5:' + 'a'.repeat(32),
    'sha512:' + 'a'.repeat(64),
    'sha256:',
    ':',
    'nonsense',
  ])('end-2 GET of the malformed digest %s answers 400 DIGEST_INVALID', async (malformed) => {
    const answer = await call(berth, 'GET', `/v2/team/app/blobs/${malformed}`);
    expect([answer.status, answer.codes()]).toEqual([400, ['DIGEST_INVALID']]);
  });

  test('end-2 GET of an empty blob and of a sha512 blob', async () => {
    const empty = await pushBlob(berth, 'team/app', '');
    const answer = await call(berth, 'GET', `/v2/team/app/blobs/${empty}`);
    expect([answer.status, answer.header('content-length'), answer.body.length]).toEqual([200, '0', 0]);
    const sha512 = await pushBlob(berth, 'team/app', bytes, 'sha512');
    const other = await call(berth, 'GET', `/v2/team/app/blobs/${sha512}`);
    expect([other.status, other.header('docker-content-digest'), other.body.equals(bytes)]).toEqual([200, sha512, true]);
  });
});

describe('end-2 ranges and conditions', () => {
  test.each([
    ['bytes=500-1499', 500, 1499],
    ['bytes=500-', 500, 299_999],
    ['bytes=-500', 299_500, 299_999],
    ['bytes=299000-5000000', 299_000, 299_999],
    ['bytes=0-0', 0, 0],
    ['bytes=-999999999999999999999999', 0, 299_999],
  ])('end-2 GET with Range %s answers 206', async (range, first, last) => {
    const answer = await call(berth, 'GET', path, { headers: { Range: range } });
    expect([answer.status, answer.header('content-range')]).toEqual([206, `bytes ${first}-${last}/300000`]);
    expect(answer.header('content-length')).toBe(String(last - first + 1));
    expect(answer.body.equals(bytes.subarray(first, last + 1))).toBe(true);
  });

  test.each([
    'bytes=500-0',
    'bytes=300000-',
    'bytes=5000000-10000000',
    'bytes=abc',
    'bytes=-0',
    'bytes=-',
    'bytes=1-2-3',
    'bytes=1e999-',
  ])('end-2 GET with Range %s answers 416 and says how large the blob is', async (range) => {
    const answer = await call(berth, 'GET', path, { headers: { Range: range } });
    expect([answer.status, answer.header('content-range'), answer.codes()]).toEqual([416, 'bytes */300000', ['SIZE_INVALID']]);
  });

  test.each([
    'items=0-1',
    'nonsense',
    `bytes=${Array.from({ length: 200 }, (_, index) => `${index * 3}-${index * 3}`).join(',')}`,
  ])('end-2 GET with a Range that is not ours to serve (%.20s) answers the whole', async (range) => {
    const answer = await call(berth, 'GET', path, { headers: { Range: range } });
    expect([answer.status, answer.body.length]).toEqual([200, 300_000]);
  });

  test('end-2 GET with several ranges answers multipart/byteranges', async () => {
    const answer = await call(berth, 'GET', path, { headers: { Range: 'bytes=0-9,1000-200000,-5' } });
    expect(answer.status).toBe(206);
    const boundary = /^multipart\/byteranges; boundary=(.+)$/.exec(answer.header('content-type'))?.[1] ?? '';
    const parts = answer.body.toString('latin1').split(`--${boundary}`).slice(1, -1);
    const contents = parts.map((part) => part.slice(part.indexOf('\r\n\r\n') + 4, -2));
    const expected = [bytes.subarray(0, 10), bytes.subarray(1000, 200_001), bytes.subarray(299_995)];
    expect(contents.map((content) => Buffer.from(content, 'latin1'))).toEqual(expected.map((part) => Buffer.from(part)));
    expect(answer.header('content-length')).toBe(String(answer.body.length));
  });

  test('end-2 If-None-Match answers 304, If-Range holds only for the same ETag', async () => {
    const etag = `"${digest}"`;
    for (const header of [etag, `W/${etag}`, '*', `"x", ${etag}`]) {
      expect((await call(berth, 'GET', path, { headers: { 'If-None-Match': header } })).status).toBe(304);
    }
    expect((await call(berth, 'GET', path, { headers: { 'If-None-Match': '"other"' } })).status).toBe(200);
    expect((await call(berth, 'GET', path, { headers: { Range: 'bytes=0-1', 'If-Range': etag } })).status).toBe(206);
    expect((await call(berth, 'GET', path, { headers: { Range: 'bytes=0-1', 'If-Range': '"other"' } })).status).toBe(200);
  });

  test('end-2 If-Match of another ETag answers 412', async () => {
    for (const [header, status] of [
      [`"${digest}"`, 200],
      ['*', 200],
      [`W/"${digest}"`, 412],
      ['"other"', 412],
    ] as const) {
      expect((await call(berth, 'GET', path, { headers: { 'If-Match': header } })).status).toBe(status);
    }
  });

  test('end-2 HEAD ignores Range', async () => {
    const answer = await call(berth, 'HEAD', path, { headers: { Range: 'bytes=0-1' } });
    expect([answer.status, answer.header('content-length')]).toEqual([200, '300000']);
  });
});
