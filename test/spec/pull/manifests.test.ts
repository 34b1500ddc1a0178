import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mediaTypes } from '../../../src/oci/media-types.ts';
import { type TestBerth, startBerth } from '../../support/berth.ts';
import { call } from '../../support/call.ts';
import { type TestImage, digestOf, newIndex, pushImage, putManifest } from '../../support/images.ts';

let berth: TestBerth;
let image: TestImage;

beforeAll(async () => {
  berth = await startBerth();
  image = await pushImage(berth, 'app', 'v1');
});
afterAll(() => berth.close());

describe('end-1 GET /v2/', () => {
  test.each(['/v2/', '/v2', '/v2/?ns=docker.io'])('end-1 GET %s answers 200', async (path) => {
    const answer = await call(berth, 'GET', path);
    expect([answer.status, answer.header('docker-distribution-api-version')]).toEqual([200, 'registry/2.0']);
    expect((await call(berth, 'HEAD', path)).status).toBe(200);
  });

  test('end-1 another method answers 405 and says which are allowed', async () => {
    const answer = await call(berth, 'PUT', '/v2/');
    expect([answer.status, answer.header('allow'), answer.codes()]).toEqual([405, 'GET, HEAD', ['UNSUPPORTED']]);
  });
});

describe('end-3 GET /v2/<name>/manifests/<reference>', () => {
  test.each(['tag', 'digest'])('end-3 GET and HEAD by %s answer the bytes as they were pushed', async (kind) => {
    const path = `/v2/app/manifests/${kind === 'tag' ? 'v1' : image.digest}`;
    const answer = await call(berth, 'GET', path);
    expect([answer.status, answer.body.toString()]).toEqual([200, image.manifest]);
    expect(answer.headers).toMatchObject({
      'content-type': mediaTypes.ociManifest,
      'content-length': String(image.manifest.length),
      'docker-content-digest': image.digest,
      etag: `"${image.digest}"`,
    });
    const head = await call(berth, 'HEAD', path);
    expect([head.status, head.body.length, head.header('content-length')]).toEqual([200, 0, String(image.manifest.length)]);
    expect(head.header('content-type')).toBe(mediaTypes.ociManifest);
  });

  test('end-3 only content by digest is immutable', async () => {
    expect((await call(berth, 'GET', `/v2/app/manifests/${image.digest}`)).header('cache-control')).toContain('immutable');
    expect((await call(berth, 'GET', '/v2/app/manifests/v1')).header('cache-control')).toBe('no-cache');
  });

  test('end-3 If-None-Match answers 304 by tag, which costs a client nothing', async () => {
    expect((await call(berth, 'GET', '/v2/app/manifests/v1', { headers: { 'If-None-Match': `"${image.digest}"` } })).status).toBe(
      304,
    );
  });

  test('end-3 If-None-Match takes lists, weak tags and *, and If-Match of another ETag answers 412', async () => {
    const etag = `"${image.digest}"`;
    for (const [name, value, status] of [
      ['If-None-Match', `"x", W/${etag}`, 304],
      ['If-None-Match', '*', 304],
      ['If-None-Match', `"x${image.digest}"`, 200],
      ['If-Match', `"x", ${etag}`, 200],
      ['If-Match', '"x"', 412],
    ] as const) {
      expect((await call(berth, 'GET', '/v2/app/manifests/v1', { headers: { [name]: value } })).status).toBe(status);
    }
  });

  test('end-3 Accept chooses nothing: the one form there is comes back unconverted', async () => {
    const index = newIndex([image]);
    await putManifest(berth, 'app', 'multi', index, mediaTypes.ociIndex);
    for (const accept of [mediaTypes.dockerManifest, '*/*', `${mediaTypes.ociIndex}, ${mediaTypes.ociManifest}`]) {
      const answer = await call(berth, 'GET', '/v2/app/manifests/multi', { headers: { Accept: accept } });
      expect([answer.status, answer.header('content-type'), answer.body.toString()]).toEqual([200, mediaTypes.ociIndex, index]);
    }
  });

  test.each(['nothing', '.INVALID_MANIFEST_NAME', 'x'.repeat(200), digestOf('nothing')])(
    'end-3 GET of the unknown %.30s answers 404',
    async (reference) => {
      const answer = await call(berth, 'GET', `/v2/app/manifests/${reference}`);
      expect([answer.status, answer.codes()]).toEqual([404, ['MANIFEST_UNKNOWN']]);
      expect((await call(berth, 'HEAD', `/v2/app/manifests/${reference}`)).status).toBe(404);
    },
  );

  test('end-3 GET from an unknown repository answers 404, of a malformed digest 400', async () => {
    expect((await call(berth, 'GET', '/v2/nobody/manifests/v1')).codes()).toEqual(['MANIFEST_UNKNOWN']);
    expect((await call(berth, 'GET', '/v2/app/manifests/sha256:baddigeststring')).codes()).toEqual(['DIGEST_INVALID']);
  });
});

describe('names (distribution-spec, "Pulling manifests")', () => {
  const malformed = [
    'Upper',
    'a//b',
    '../a',
    'a/../b',
    'a%2Fb',
    'a%00b',
    'a/',
    '-a',
    'a..b',
    'a_.b',
    'a'.repeat(300),
    'ä',
    'a b'.replace(' ', '%20'),
  ];

  test.each(malformed)('end-3 the malformed name %.40s answers 400 NAME_INVALID', async (name) => {
    const answer = await call(berth, 'GET', `/v2/${encodeURI(name).replaceAll('%25', '%')}/manifests/v1`);
    expect([answer.status, answer.codes()]).toEqual([400, ['NAME_INVALID']]);
  });

  test.each(['a', 'a/b/c', 'a-b', 'a--b', 'a__b', 'a.b_c', '0', 'blobs/uploads', 'manifests/tags/list', 'a'.repeat(255)])(
    'end-3 the well-formed name %.40s is only unknown',
    async (name) => {
      expect((await call(berth, 'GET', `/v2/${name}/manifests/v1`)).codes()).toEqual(['MANIFEST_UNKNOWN']);
    },
  );

  test('a path that the protocol has not answers 404 in JSON', async () => {
    const answer = await call(berth, 'GET', '/v2/app/nothing');
    expect([answer.status, answer.codes()]).toEqual([404, ['UNSUPPORTED']]);
  });
});
