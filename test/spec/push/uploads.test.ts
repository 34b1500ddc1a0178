import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type TestBerth, startBerth } from '../../support/berth.ts';
import { call } from '../../support/call.ts';
import { digestOf, pushBlob, startUpload } from '../../support/images.ts';
import { stable, until } from '../../support/until.ts';

let berth: TestBerth;
const bytes = randomBytes(3000);
const digest = digestOf(bytes);

beforeAll(async () => {
  berth = await startBerth();
});
afterAll(() => berth.close());

const patch = (location: string, body: Uint8Array | string, range?: string, chunked = false) =>
  call(berth, 'PATCH', location, {
    body,
    chunked,
    headers: { 'Content-Type': 'application/octet-stream', ...(range === undefined ? {} : { 'Content-Range': range }) },
  });
const put = (location: string, of: string, body?: Uint8Array, range?: string) =>
  call(berth, 'PUT', `${location}?digest=${of}`, {
    body: body ?? '',
    headers: range === undefined ? {} : { 'Content-Range': range },
  });
const isThere = async (repository: string, of: string) =>
  (await call(berth, 'HEAD', `/v2/${repository}/blobs/${of}`)).status === 200;

describe('end-4a POST /v2/<name>/blobs/uploads/', () => {
  test('end-4a POST answers 202 with a relative Location, the UUID and an empty range', async () => {
    const answer = await call(berth, 'POST', '/v2/up/blobs/uploads/', { headers: { 'Content-Length': 0 } });
    const id = answer.header('docker-upload-uuid');
    expect([answer.status, answer.header('location'), answer.header('range')]).toEqual([
      202,
      `/v2/up/blobs/uploads/${id}`,
      '0-0',
    ]);
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('end-4a POST with ?digest-algorithm= begins an upload hashed that way; an unknown algorithm answers 400', async () => {
    const sha512 = digestOf(bytes, 'sha512');
    const location = await startUpload(berth, 'up', '?digest-algorithm=sha512');
    await patch(location, bytes);
    expect((await put(location, sha512)).status).toBe(201);
    const answer = await call(berth, 'POST', '/v2/up/blobs/uploads/?digest-algorithm=md5');
    expect([answer.status, answer.codes()]).toEqual([400, ['DIGEST_INVALID']]);
  });
});

describe('end-4b POST /v2/<name>/blobs/uploads/?digest=<digest>', () => {
  test.each(['sha256', 'sha512'] as const)(
    'end-4b POST of a whole blob by %s answers 201 and its Location',
    async (algorithm) => {
      const of = digestOf(bytes, algorithm);
      const answer = await call(berth, 'POST', `/v2/mono/blobs/uploads/?digest=${of}`, { body: bytes });
      expect([answer.status, answer.header('location'), answer.header('docker-content-digest')]).toEqual([
        201,
        `/v2/mono/blobs/${of}`,
        of,
      ]);
      expect((await call(berth, 'GET', answer.header('location'))).body.equals(bytes)).toBe(true);
    },
  );

  test('end-4b POST of other bytes than the digest answers 400 DIGEST_INVALID and stores nothing', async () => {
    const of = digestOf('something else');
    const answer = await call(berth, 'POST', `/v2/mono/blobs/uploads/?digest=${of}`, { body: bytes });
    expect([answer.status, answer.codes()]).toEqual([400, ['DIGEST_INVALID']]);
    expect(await isThere('mono', of)).toBe(false);
  });
});

describe('end-5 PATCH /v2/<name>/blobs/uploads/<reference>', () => {
  test('end-5 PATCH streamed without a length, then end-6 PUT without a body', async () => {
    const location = await startUpload(berth, 'stream');
    const answer = await patch(location, bytes, undefined, true);
    expect([answer.status, answer.header('range'), answer.header('location')]).toEqual([202, '0-2999', location]);
    const done = await put(location, digest);
    expect([done.status, done.header('location'), done.header('docker-content-digest')]).toEqual([
      201,
      `/v2/stream/blobs/${digest}`,
      digest,
    ]);
    expect((await call(berth, 'GET', done.header('location'))).body.equals(bytes)).toBe(true);
  });

  test('end-5 PATCH in chunks, the last one with end-6 PUT', async () => {
    const location = await startUpload(berth, 'chunks');
    expect((await patch(location, bytes.subarray(0, 1024), '0-1023')).status).toBe(202);
    expect((await patch(location, bytes.subarray(1024, 2048), '1024-2047')).header('range')).toBe('0-2047');
    expect((await put(location, digest, bytes.subarray(2048), '2048-2999')).status).toBe(201);
  });

  test.each([
    ['gapped', '2048-3071'],
    ['overlapping', '512-1535'],
    ['repeated', '0-1023'],
  ])('end-5 PATCH out of order (%s) answers 416 with the current Range, and the upload goes on', async (_kind, range) => {
    const location = await startUpload(berth, 'order');
    await patch(location, bytes.subarray(0, 1024), '0-1023');
    const answer = await patch(location, bytes.subarray(0, 1024), range);
    expect([answer.status, answer.codes(), answer.header('range'), answer.header('location')]).toEqual([
      416,
      ['BLOB_UPLOAD_INVALID'],
      '0-1023',
      location,
    ]);
    await patch(location, bytes.subarray(1024), '1024-2999');
    expect((await put(location, digest)).status).toBe(201);
  });

  test('end-6 PUT of a last chunk out of order answers 416 and the upload goes on', async () => {
    const location = await startUpload(berth, 'order');
    await patch(location, bytes.subarray(0, 1024), '0-1023');
    expect((await put(location, digest, bytes.subarray(2048), '2048-2999')).status).toBe(416);
    expect((await put(location, digest, bytes.subarray(1024), '1024-2999')).status).toBe(201);
  });

  test.each(['garbage', '5', '-5', '0-', '10-5', 'bytes 0-99/100', '0-99999999999999999999', '0 - 99', '0x0-0x9'])(
    'end-5 PATCH with Content-Range %s answers 400 BLOB_UPLOAD_INVALID and keeps nothing',
    async (range) => {
      const location = await startUpload(berth, 'garbage');
      const answer = await patch(location, bytes.subarray(0, 100), range);
      expect([answer.status, answer.codes()]).toEqual([400, ['BLOB_UPLOAD_INVALID']]);
      expect((await call(berth, 'GET', location)).header('range')).toBe('0-0');
    },
  );

  test.each([
    ['with a length', false],
    ['streamed', true],
  ])(
    'end-5 PATCH of more or fewer bytes than its Content-Range (%s) answers 400 SIZE_INVALID and keeps nothing',
    async (_kind, chunked) => {
      const location = await startUpload(berth, 'sizes');
      for (const range of ['0-49', '0-199']) {
        const answer = await patch(location, bytes.subarray(0, 100), range, chunked);
        expect([answer.status, answer.codes()]).toEqual([400, ['SIZE_INVALID']]);
        expect((await call(berth, 'GET', location)).header('range')).toBe('0-0');
      }
      await patch(location, bytes, '0-2999', chunked);
      expect((await put(location, digest)).status).toBe(201);
    },
  );

  test('end-5 PATCH to an unknown, finished or foreign upload answers 404 BLOB_UPLOAD_UNKNOWN', async () => {
    const location = await startUpload(berth, 'mine');
    const finished = await startUpload(berth, 'mine');
    await put(finished, digest, bytes);
    const foreign = location.replace('/v2/mine/', '/v2/yours/');
    for (const unknown of [
      finished,
      foreign,
      '/v2/mine/blobs/uploads/00000000-0000-4000-8000-000000000000',
      '/v2/mine/blobs/uploads/nonsense',
    ]) {
      for (const method of ['PATCH', 'GET', 'DELETE']) {
        const answer = await call(berth, method, unknown, method === 'PATCH' ? { body: bytes } : {});
        expect([method, answer.status, answer.codes()]).toEqual([method, 404, ['BLOB_UPLOAD_UNKNOWN']]);
      }
      expect((await put(unknown, digest)).status).toBe(404);
    }
    expect((await call(berth, 'GET', location)).status).toBe(204);
  });
});

describe('end-6 PUT /v2/<name>/blobs/uploads/<reference>?digest=<digest>', () => {
  test('end-6 PUT of the whole blob after POST answers 201', async () => {
    expect((await put(await startUpload(berth, 'postput'), digest, bytes)).status).toBe(201);
    expect(await isThere('postput', digest)).toBe(true);
  });

  test('end-6 PUT with a sha512 digest although sha256 was expected', async () => {
    const location = await startUpload(berth, 'postput');
    await patch(location, bytes);
    expect((await put(location, digestOf(bytes, 'sha512'))).status).toBe(201);
  });

  test('end-6 PUT with the wrong digest answers 400 DIGEST_INVALID, stores nothing and ends the upload', async () => {
    const location = await startUpload(berth, 'wrong');
    await patch(location, bytes);
    const answer = await put(location, digestOf('other'));
    expect([answer.status, answer.codes()]).toEqual([400, ['DIGEST_INVALID']]);
    expect(await isThere('wrong', digestOf('other'))).toBe(false);
    expect(await isThere('wrong', digest)).toBe(false);
    expect((await call(berth, 'GET', location)).status).toBe(404);
  });

  test.each(['', 'sha256:short', 'md5:d41d8cd98f00b204e9800998ecf8427e', `sha999:${'a'.repeat(64)}`])(
    'end-6 PUT with the malformed digest %s answers 400',
    async (of) => {
      const location = await startUpload(berth, 'wrong');
      const answer = await put(location, of, bytes);
      expect([answer.status, answer.codes()]).toEqual([400, ['DIGEST_INVALID']]);
      expect((await put(location, digest, bytes)).status).toBe(201);
    },
  );

  test('concurrent uploads of one blob all succeed', async () => {
    const large = randomBytes(400_000);
    const of = digestOf(large);
    const locations = await Promise.all(Array.from({ length: 8 }, (_, index) => startUpload(berth, `many${index}`)));
    const answers = await Promise.all(locations.map((location) => put(location, of, large)));
    expect(answers.map(({ status }) => status)).toEqual(Array(8).fill(201));
    expect((await call(berth, 'GET', `/v2/many7/blobs/${of}`)).body.equals(large)).toBe(true);
  });
});

describe('end-11 POST /v2/<name>/blobs/uploads/?mount=<digest>&from=<other_name>', () => {
  test('end-11 POST mounts a blob of another repository: 201 without a byte', async () => {
    await pushBlob(berth, 'source', bytes);
    const answer = await call(berth, 'POST', `/v2/target/blobs/uploads/?mount=${digest}&from=source`);
    expect([answer.status, answer.header('location'), answer.header('docker-content-digest')]).toEqual([
      201,
      `/v2/target/blobs/${digest}`,
      digest,
    ]);
    expect(await isThere('target', digest)).toBe(true);
  });

  test('end-11 POST without from mounts from whichever repository has the blob', async () => {
    const own = randomBytes(100);
    await pushBlob(berth, 'somewhere', own);
    expect((await call(berth, 'POST', `/v2/target/blobs/uploads/?mount=${digestOf(own)}`)).status).toBe(201);
    expect(await isThere('target', digestOf(own))).toBe(true);
  });

  test('end-11 POST falls back to an upload (202) where there is nothing to mount', async () => {
    const missing = digestOf('missing');
    for (const query of [`?mount=${missing}&from=source`, `?mount=${missing}`, `?mount=${digest}&from=nobody`]) {
      const answer = await call(berth, 'POST', `/v2/fallback/blobs/uploads/${query}`);
      expect([query, answer.status]).toEqual([query, 202]);
      expect((await put(answer.header('location'), digest, bytes)).status).toBe(201);
    }
  });

  test('end-11 POST with a malformed digest or name answers 400', async () => {
    expect((await call(berth, 'POST', '/v2/target/blobs/uploads/?mount=nonsense&from=source')).codes()).toEqual([
      'DIGEST_INVALID',
    ]);
    expect((await call(berth, 'POST', `/v2/target/blobs/uploads/?mount=${digest}&from=../x`)).codes()).toEqual(['NAME_INVALID']);
  });
});

describe('end-13 GET, end-14 DELETE /v2/<name>/blobs/uploads/<reference>', () => {
  test('end-13 GET answers 204 with what has arrived', async () => {
    const location = await startUpload(berth, 'status');
    expect((await call(berth, 'GET', location)).header('range')).toBe('0-0');
    await patch(location, bytes);
    const answer = await call(berth, 'GET', location);
    expect([answer.status, answer.header('range'), answer.header('location')]).toEqual([204, '0-2999', location]);
  });

  test('end-14 DELETE answers 204 and the upload is gone', async () => {
    const location = await startUpload(berth, 'cancel');
    await patch(location, bytes);
    expect((await call(berth, 'DELETE', location)).status).toBe(204);
    expect((await call(berth, 'GET', location)).status).toBe(404);
    expect((await call(berth, 'DELETE', location)).status).toBe(404);
  });

  test('a method that an upload has not answers 405', async () => {
    const answer = await call(berth, 'POST', await startUpload(berth, 'cancel'));
    expect([answer.status, answer.header('allow')]).toEqual([405, 'PATCH, PUT, GET, HEAD, DELETE']);
  });
});

describe('a client that vanishes', () => {
  test('end-5 PATCH broken off keeps what arrived, and the upload goes on from there', async () => {
    const large = randomBytes(20_000_000); // several parts of an S3 upload
    const location = await startUpload(berth, 'vanish');
    const received = async () => Number((await call(berth, 'GET', location)).header('range').slice(2));
    const socket = connect(berth.port, berth.host);
    socket.write(`PATCH ${location} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${large.length}\r\n\r\n`);
    socket.write(large.subarray(0, 19_000_000));
    await until(async () => (await received()) > 1_000_000);
    socket.destroy();
    const first = await stable(received);
    expect(first).toBeLessThan(19_000_000);
    const rest = large.subarray(first + 1);
    expect((await patch(location, rest, `${first + 1}-${large.length - 1}`)).status).toBe(202);
    expect((await put(location, digestOf(large))).status).toBe(201);
  });

  test('end-4b POST broken off leaves nothing', async () => {
    const of = digestOf(randomBytes(10));
    const socket = connect(berth.port, berth.host);
    socket.write(`POST /v2/vanish/blobs/uploads/?digest=${of} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3000\r\n\r\nabc`);
    await new Promise((resolve) => socket.write('def', resolve));
    socket.destroy();
    expect(await isThere('vanish', of)).toBe(false);
  });
});
