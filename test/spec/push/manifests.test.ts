import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mediaTypes } from '../../../src/oci/media-types.ts';
import { type TestBerth, startBerth } from '../../support/berth.ts';
import { call } from '../../support/call.ts';
import { descriptor, digestOf, newImage, newIndex, pushBlob, pushBlobs, pushImage, putManifest } from '../../support/images.ts';

let berth: TestBerth;
beforeAll(async () => {
  berth = await startBerth();
});
afterAll(() => berth.close());

const config = '{}';
const image = (fields: Readonly<Record<string, unknown>>) =>
  JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociManifest, ...fields });
const withConfig = async (fields: Readonly<Record<string, unknown>> = {}) => {
  await pushBlob(berth, 'app', config);
  return { config: descriptor(config, 'application/vnd.oci.image.config.v1+json'), layers: [], ...fields };
};

describe('end-7a PUT with a condition', () => {
  const put = async (tag: string, manifest: string, headers: Readonly<Record<string, string>>) => {
    const answer = await call(berth, 'PUT', `/v2/conditional/manifests/${tag}`, {
      headers: { 'Content-Type': mediaTypes.ociManifest, ...headers },
      body: manifest,
    });
    return answer.status === 412 ? [412, ...answer.codes()] : answer.status;
  };
  const digestAt = async (tag: string) =>
    (await call(berth, 'HEAD', `/v2/conditional/manifests/${tag}`)).header('docker-content-digest');
  const images = async () => {
    const [first, second] = [newImage(), newImage()];
    await pushBlobs(berth, 'conditional', first);
    await pushBlobs(berth, 'conditional', second);
    return [first.manifest, second.manifest] as const;
  };

  test('end-7a PUT with If-None-Match: * creates a tag and does not move it', async () => {
    const [first, second] = await images();
    expect(await put('once', first, { 'If-None-Match': '*' })).toBe(201);
    expect(await put('once', second, { 'If-None-Match': '*' })).toEqual([412, 'DENIED']);
    expect(await digestAt('once')).toBe(digestOf(first));
  });

  test('end-7a PUT with If-Match moves a tag only from that digest', async () => {
    const [first, second] = await images();
    expect(await put('moved', first, { 'If-Match': '*' })).toEqual([412, 'DENIED']);
    expect(await put('moved', first, {})).toBe(201);
    expect(await put('moved', second, { 'If-Match': `"${digestOf(second)}"` })).toEqual([412, 'DENIED']);
    expect(await put('moved', second, { 'If-Match': `W/"${digestOf(first)}"` })).toEqual([412, 'DENIED']);
    expect(await put('moved', second, { 'If-Match': `"${digestOf('another')}", "${digestOf(first)}"` })).toBe(201);
    expect(await put('moved', first, { 'If-None-Match': `W/"${digestOf(second)}"` })).toEqual([412, 'DENIED']);
    expect(await digestAt('moved')).toBe(digestOf(second));
  });

  test('of several PUTs with If-Match for the same digest one moves the tag', async () => {
    const [first, second] = await images();
    expect(await put('raced', first, {})).toBe(201);
    const others = await Promise.all(Array.from({ length: 5 }, () => images()));
    const pushed = await Promise.all(
      [second, ...others.flat()].map((manifest) => put('raced', manifest, { 'If-Match': `"${digestOf(first)}"` })),
    );
    expect(pushed.filter((status) => status === 201)).toHaveLength(1);
  });

  test('end-7b PUT by digest with If-None-Match: * stores a manifest once', async () => {
    const [first] = await images();
    expect(await put(digestOf(first), first, { 'If-None-Match': '*' })).toBe(201);
    expect(await put(digestOf(first), first, { 'If-None-Match': '*' })).toEqual([412, 'DENIED']);
    expect(await put(digestOf(first), first, { 'If-Match': `"${digestOf(first)}"` })).toBe(201);
  });
});

describe('end-7a PUT /v2/<name>/manifests/<reference>', () => {
  test.each(['sha256', 'sha512'] as const)('end-7a PUT by tag and by %s digest answers 201', async (algorithm) => {
    const pushed = newImage();
    await pushBlobs(berth, 'app', pushed);
    const digest = digestOf(pushed.manifest, algorithm);
    const answer = await putManifest(berth, 'app', digest, pushed.manifest);
    expect([answer.status, answer.header('location'), answer.header('docker-content-digest')]).toEqual([
      201,
      `/v2/app/manifests/${digest}`,
      digest,
    ]);
    expect((await call(berth, 'GET', answer.header('location'))).body.toString()).toBe(pushed.manifest);
    expect((await putManifest(berth, 'app', 'tagged', pushed.manifest)).header('docker-content-digest')).toBe(
      digestOf(pushed.manifest),
    );
  });

  test('end-7a PUT moves a tag', async () => {
    await pushImage(berth, 'moving', 'latest');
    const second = await pushImage(berth, 'moving', 'latest');
    expect((await call(berth, 'GET', '/v2/moving/manifests/latest')).header('docker-content-digest')).toBe(second.digest);
  });

  test('end-7a PUT of nested indexes, a Docker image, a Docker list and an artifact', async () => {
    const child = await pushImage(berth, 'kinds', 'child');
    const inner = newIndex([child]);
    expect((await putManifest(berth, 'kinds', digestOf(inner), inner, mediaTypes.ociIndex)).status).toBe(201);
    const outer = image({ mediaType: mediaTypes.ociIndex, manifests: [descriptor(inner, mediaTypes.ociIndex)] });
    expect((await putManifest(berth, 'kinds', 'outer', outer, mediaTypes.ociIndex)).status).toBe(201);

    await pushBlob(berth, 'kinds', config);
    const docker = image({
      mediaType: mediaTypes.dockerManifest,
      config: descriptor(config, 'application/vnd.docker.container.image.v1+json'),
      layers: [],
    });
    expect((await putManifest(berth, 'kinds', 'docker', docker, mediaTypes.dockerManifest)).status).toBe(201);
    const list = image({ mediaType: mediaTypes.dockerList, manifests: [descriptor(docker, mediaTypes.dockerManifest)] });
    expect((await putManifest(berth, 'kinds', 'list', list, mediaTypes.dockerList)).status).toBe(201);
    const artifact = JSON.stringify({ mediaType: mediaTypes.ociArtifact, artifactType: 'x/y', blobs: [descriptor(config)] });
    expect((await putManifest(berth, 'kinds', 'artifact', artifact, mediaTypes.ociArtifact)).status).toBe(201);
    expect((await call(berth, 'GET', '/v2/kinds/manifests/list')).header('content-type')).toBe(mediaTypes.dockerList);
  });

  test('end-7a PUT of an empty index, of layers null, of unknown fields, of non-distributable layers', async () => {
    const absent = {
      ...descriptor('elsewhere', 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip'),
      urls: ['https://example.com/'],
    };
    expect(
      (await putManifest(berth, 'app', 'a', image({ mediaType: mediaTypes.ociIndex, manifests: [] }), mediaTypes.ociIndex))
        .status,
    ).toBe(201);
    expect(
      (await putManifest(berth, 'app', 'b', image(await withConfig({ layers: null, 'x-unknown': { deep: [1] } })))).status,
    ).toBe(201);
    expect((await putManifest(berth, 'app', 'c', image(await withConfig({ layers: [absent] })))).status).toBe(201);
  });

  test('end-7a PUT with a subject that does not exist answers 201 and OCI-Subject', async () => {
    const subject = descriptor('nobody has pushed this', mediaTypes.ociManifest);
    const answer = await putManifest(berth, 'app', 'signature', image(await withConfig({ subject })));
    expect([answer.status, answer.header('oci-subject')]).toEqual([201, subject.digest]);
  });

  test('end-7a PUT takes Content-Type parameters, and the media type from the body where there is no Content-Type', async () => {
    const manifest = image(await withConfig());
    expect((await putManifest(berth, 'app', 'p', manifest, `${mediaTypes.ociManifest}; charset=utf-8`)).status).toBe(201);
    expect((await call(berth, 'PUT', '/v2/app/manifests/q', { body: manifest })).status).toBe(201);
    expect((await call(berth, 'GET', '/v2/app/manifests/q')).header('content-type')).toBe(mediaTypes.ociManifest);
  });

  test('end-7a PUT of what references unknown content answers 404 MANIFEST_BLOB_UNKNOWN naming all of it', async () => {
    const [one, two] = [descriptor('one'), descriptor('two')];
    const answer = await putManifest(berth, 'app', 'missing', image(await withConfig({ layers: [one, two] })));
    expect([answer.status, answer.codes()]).toEqual([404, ['MANIFEST_BLOB_UNKNOWN', 'MANIFEST_BLOB_UNKNOWN']]);
    expect(answer.body.toString()).toContain(one.digest);
    expect(answer.body.toString()).toContain(two.digest);
    const index = image({ mediaType: mediaTypes.ociIndex, manifests: [descriptor('child', mediaTypes.ociManifest)] });
    expect((await putManifest(berth, 'app', 'missing', index, mediaTypes.ociIndex)).codes()).toEqual(['MANIFEST_BLOB_UNKNOWN']);
    expect((await call(berth, 'GET', '/v2/app/manifests/missing')).status).toBe(404);
  });

  test('end-7a PUT in a repository with references optional takes sparse manifests', async () => {
    const sparse = await startBerth({ BERTH_MANIFESTS_REFERENCES: 'optional' });
    const index = image({ mediaType: mediaTypes.ociIndex, manifests: [descriptor('child', mediaTypes.ociManifest)] });
    expect((await putManifest(sparse, 'app', 'sparse', index, mediaTypes.ociIndex)).status).toBe(201);
    await sparse.close();
  });

  test('end-7a PUT by another digest than the content has answers 400 DIGEST_INVALID', async () => {
    const manifest = image(await withConfig());
    for (const digest of [digestOf('other'), 'sha256:baddigeststring']) {
      expect((await putManifest(berth, 'app', digest, manifest)).codes()).toEqual(['DIGEST_INVALID']);
    }
  });

  test('end-7a PUT with a malformed tag answers 400 MANIFEST_INVALID', async () => {
    const manifest = image(await withConfig());
    for (const tag of ['.dot', '-dash', 'x'.repeat(129), 'a%2Fb', 'a%20b', '%00']) {
      expect((await putManifest(berth, 'app', tag, manifest)).codes()).toEqual(['MANIFEST_INVALID']);
    }
  });
});

describe('end-7b PUT /v2/<name>/manifests/<digest>?tag=<tag>', () => {
  test('end-7b PUT with several tags answers OCI-Tag for each', async () => {
    const pushed = newImage();
    await pushBlobs(berth, 'tags', pushed);
    const answer = await putManifest(berth, 'tags', `${pushed.digest}?tag=one&tag=two&tag=three`, pushed.manifest);
    expect([answer.status, answer.headers['oci-tag']]).toEqual([201, 'one, two, three']);
    for (const tag of ['one', 'two', 'three'])
      expect((await call(berth, 'GET', `/v2/tags/manifests/${tag}`)).header('docker-content-digest')).toBe(pushed.digest);
  });

  test('end-7b PUT by a sha512 digest: the tag answers that digest', async () => {
    const pushed = newImage();
    await pushBlobs(berth, 'tags', pushed);
    const digest = digestOf(pushed.manifest, 'sha512');
    await putManifest(berth, 'tags', `${digest}?tag=long`, pushed.manifest);
    expect((await call(berth, 'HEAD', '/v2/tags/manifests/long')).header('docker-content-digest')).toBe(digest);
  });

  test('end-7b PUT with one malformed tag stores nothing', async () => {
    const pushed = newImage();
    await pushBlobs(berth, 'tags', pushed);
    expect((await putManifest(berth, 'tags', `${pushed.digest}?tag=good&tag=-bad`, pushed.manifest)).status).toBe(400);
    expect((await call(berth, 'GET', '/v2/tags/manifests/good')).status).toBe(404);
  });
});

describe("end-7a PUT of an index over blobs: BuildKit's older cache format", () => {
  const cacheOf = (layer: Buffer, cacheConfig: string) =>
    image({
      mediaType: mediaTypes.ociIndex,
      manifests: [
        descriptor(layer, 'application/vnd.oci.image.layer.v1.tar+gzip'),
        descriptor(cacheConfig, 'application/vnd.buildkit.cacheconfig.v0'),
      ],
    });
  const cacheConfig = '{"layers":[]}';

  test('end-7a PUT answers 201 where the blobs are in the repository, and they stay as long as it does', async () => {
    const layer = Buffer.from('a layer of the cache');
    const cache = cacheOf(layer, cacheConfig);
    for (const blob of [layer, cacheConfig]) await pushBlob(berth, 'cache', blob);
    expect((await putManifest(berth, 'cache', 'main', cache, mediaTypes.ociIndex)).status).toBe(201);
    expect((await call(berth, 'GET', '/v2/cache/manifests/main')).body.toString()).toBe(cache);
    const path = `/v2/cache/blobs/${digestOf(layer)}`;
    expect((await call(berth, 'GET', path)).body.equals(layer)).toBe(true);
    expect((await call(berth, 'DELETE', path)).status).toBe(405);
    await call(berth, 'DELETE', `/v2/cache/manifests/${digestOf(cache)}`);
    expect((await call(berth, 'DELETE', path)).status).toBe(202);
  });

  test('end-7a PUT answers 404 where another repository has the blobs, and 400 where a size is wrong', async () => {
    const layer = Buffer.from('a layer of another cache');
    for (const blob of [layer, cacheConfig]) await pushBlob(berth, 'cache', blob);
    const cache = cacheOf(layer, cacheConfig);
    const answer = await putManifest(berth, 'other-cache', 'main', cache, mediaTypes.ociIndex);
    expect([answer.status, answer.codes()]).toEqual([404, ['MANIFEST_BLOB_UNKNOWN', 'MANIFEST_BLOB_UNKNOWN']]);
    const wrong = cache.replace(`"size":${layer.length}`, `"size":${layer.length + 1}`);
    expect((await putManifest(berth, 'cache', 'main', wrong, mediaTypes.ociIndex)).codes()).toEqual(['MANIFEST_INVALID']);
  });
});

describe('manifests that are refused with 400 MANIFEST_INVALID', () => {
  const digest = digestOf(config);
  const good = { mediaType: 'x/y', digest, size: 2 };
  const many = Array.from({ length: 10_000 }, () => good);
  const smallKeys = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 1]));
  const bodies: Readonly<Record<string, string | Uint8Array>> = {
    'no JSON': 'nonsense',
    'empty body': '',
    'JSON that is no object': '[]',
    'bytes that are no UTF-8': Buffer.from([0x7b, 0xff, 0x7d]),
    'a byte order mark': `\ufeff${image({ config: good, layers: [] })}`,
    'a repeated key': `{"schemaVersion":2,"config":${JSON.stringify(good)},"layers":[],"layers":[]}`,
    'a key repeated in escaped form': `{"schemaVersion":2,"config":${JSON.stringify(good)},"layers":[],"l\\u0061yers":[]}`,
    'deep nesting': image({ config: good, layers: [], x: JSON.parse('['.repeat(100) + ']'.repeat(100)) as unknown }),
    '70,000 small keys': image({ config: good, layers: [], x: smallKeys(70_000) }),
    '140,000 small items': image({ config: good, layers: [], x: Array.from({ length: 140_000 }, () => 1) }),
    'an artifactType of 300 characters': image({ config: good, layers: [], artifactType: `x/${'y'.repeat(298)}` }),
    'annotations of 300 KiB on a referrer': image({
      config: good,
      layers: [],
      subject: good,
      annotations: { large: 'A'.repeat(300 * 1024) },
    }),
    'both manifests and layers (CVE-2021-41190)': image({ config: good, layers: [], manifests: [] }),
    'another mediaType than its Content-Type': image({ mediaType: mediaTypes.dockerManifest, config: good, layers: [] }),
    'no schemaVersion': JSON.stringify({ config: good, layers: [] }),
    'no config': image({ layers: [] }),
    'layers that are no list': image({ config: good, layers: {} }),
    'a layer that is no descriptor': image({ config: good, layers: ['x'] }),
    'a negative size': image({ config: good, layers: [{ ...good, size: -1 }] }),
    'a broken size': image({ config: good, layers: [{ ...good, size: 1.5 }] }),
    'a size as text': image({ config: good, layers: [{ ...good, size: '2' }] }),
    'the wrong size': image({ config: good, layers: [{ ...good, size: 3 }] }),
    'no media type of a layer': image({ config: good, layers: [{ digest, size: 2 }] }),
    'a short digest': image({ config: good, layers: [{ ...good, digest: 'sha256:abc' }] }),
    'an unknown algorithm': image({ config: good, layers: [{ ...good, digest: `md5:${'a'.repeat(32)}` }] }),
    'data of other content': image({ config: { ...good, data: Buffer.from('[]').toString('base64') }, layers: [] }),
    'annotations that are no text': image({ config: good, layers: [], annotations: { a: 1 } }),
    'a subject that is no descriptor': image({ config: good, layers: [], subject: 'x' }),
    '10,000 layers': image({ config: good, layers: many }),
    'schema 1 in the body': JSON.stringify({ schemaVersion: 1, name: 'app', tag: 'x' }),
  };

  test.each(Object.entries(bodies))('end-7a PUT of %s', async (_what, body) => {
    await pushBlob(berth, 'bad', config);
    const answer = await call(berth, 'PUT', '/v2/bad/manifests/bad', {
      body,
      headers: { 'Content-Type': mediaTypes.ociManifest },
    });
    expect([answer.status, answer.codes()]).toEqual([400, ['MANIFEST_INVALID']]);
    expect((await call(berth, 'GET', '/v2/bad/manifests/bad')).status).toBe(404);
  });

  test('end-7a PUT of too many keys is refused before it is parsed', async () => {
    const broken = `${image({ x: smallKeys(70_000) })} and no JSON`;
    const answer = await putManifest(berth, 'bad', 'keys', broken);
    expect([answer.codes(), answer.body.toString()]).toEqual([['MANIFEST_INVALID'], expect.stringContaining('65536 keys')]);
  });

  test('end-7a PUT of schema 1 says to push again with a current client', async () => {
    const answer = await putManifest(berth, 'bad', 'old', '{}', 'application/vnd.docker.distribution.manifest.v1+prettyjws');
    expect([answer.status, answer.codes()]).toEqual([400, ['MANIFEST_INVALID']]);
    expect(answer.body.toString()).toContain('current client');
  });

  test('end-7a PUT of another media type than a manifest has', async () => {
    expect((await putManifest(berth, 'bad', 'x', '{"schemaVersion":2}', 'application/json')).codes()).toEqual([
      'MANIFEST_INVALID',
    ]);
  });

  test.each([false, true])('end-7a PUT of 5 MiB answers 413 (chunked: %s)', async (chunked) => {
    const answer = await call(berth, 'PUT', '/v2/bad/manifests/huge', {
      body: Buffer.alloc(5 * 1024 * 1024, 32),
      chunked,
      headers: { 'Content-Type': mediaTypes.ociManifest },
    });
    expect([answer.status, answer.codes()]).toEqual([413, ['MANIFEST_INVALID']]);
  });

  test('end-7a PUT of just under 4 MiB is taken', async () => {
    const annotations = Object.fromEntries(
      Array.from({ length: 390 }, (_, index) => [`annotation-${index}`, 'A'.repeat(10_000)]),
    );
    const manifest = image(await withConfig({ annotations }));
    expect((await putManifest(berth, 'app', 'large', manifest)).status).toBe(201);
    expect((await call(berth, 'GET', '/v2/app/manifests/large')).body.toString()).toBe(manifest);
  });
});
