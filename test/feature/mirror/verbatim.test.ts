import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mediaTypes } from '../../../src/oci/media-types.ts';
import type { TestBerth } from '../../support/berth.ts';
import { call } from '../../support/call.ts';
import { type FakeUpstream, startFakeUpstream } from '../../support/fake-upstream.ts';
import { descriptor, digestOf, newImage } from '../../support/images.ts';
import { startMirror } from '../../support/mirror.ts';

const schema1 = 'application/vnd.docker.distribution.manifest.v1+json';
const signedSchema1 = 'application/vnd.docker.distribution.manifest.v1+prettyjws';

let upstream: FakeUpstream;
let berth: TestBerth;
beforeAll(async () => {
  upstream = await startFakeUpstream();
  berth = await startMirror({ upstreams: { 'ghcr.io': { url: upstream.url } }, maxManifestSize: '6MiB' });
});
afterAll(async () => {
  await berth.close();
  await upstream.close();
});

const get = (reference: string) => call(berth, 'GET', `/v2/ghcr.io/o/i/manifests/${reference}`);
const config = descriptor('{}', 'application/vnd.oci.image.config.v1+json');
const image = (fields: object) => JSON.stringify({ schemaVersion: 2, config, layers: [], ...fields });
const manyLayers = Array.from({ length: 5000 }, () => descriptor(randomBytes(8)));
const oldImage = JSON.stringify({ schemaVersion: 1, name: 'o/i', tag: '1', fsLayers: [{ blobSum: digestOf('layer') }] });

test.each([
  ['of schema 1', oldImage, schema1, schema1],
  ['with a repeated key', image({}).replace('{', '{"layers":[],'), mediaTypes.ociManifest, mediaTypes.ociManifest],
  [
    'of another media type than the header',
    image({ mediaType: mediaTypes.ociManifest }),
    mediaTypes.dockerManifest,
    mediaTypes.dockerManifest,
  ],
  ['without a media type, behind a header that says too little', image({}), 'application/json', mediaTypes.ociManifest],
  [
    'with its own media type, behind a header that says too little',
    image({ mediaType: mediaTypes.dockerManifest }),
    'text/plain',
    mediaTypes.dockerManifest,
  ],
  ['with a layer without a size', image({ layers: [{ digest: digestOf('x') }] }), mediaTypes.ociManifest, mediaTypes.ociManifest],
  ['with more than 4,096 layers', image({ layers: manyLayers }), mediaTypes.ociManifest, mediaTypes.ociManifest],
  ['of 5 MiB', image({ annotations: { filler: 'x'.repeat(5 * 1024 * 1024) } }), mediaTypes.ociManifest, mediaTypes.ociManifest],
  ['of a type that nobody knows', '{"any":1}', 'application/vnd.example.v1+json', 'application/vnd.example.v1+json'],
])('a manifest %s is served byte for byte, and kept', async (_what, manifest, sent, expected) => {
  const digest = upstream.addManifest('o/i', 'odd', manifest, sent);
  for (const [reference, cache] of [
    [digest, 'MISS'],
    [digest, 'HIT'],
  ] as const) {
    const answer = await get(reference);
    expect([answer.status, answer.headers['content-type'], answer.headers['x-mirror-cache']]).toEqual([200, expected, cache]);
    expect(answer.body.toString()).toBe(manifest);
  }
});

test('a signed manifest of schema 1 is served byte for byte under the digest of what was signed', async () => {
  const signed = oldImage.slice(0, -1);
  const payload = `${signed}\n}`;
  const header = { formatLength: signed.length, formatTail: Buffer.from('\n}').toString('base64url') };
  const signatures = [{ protected: Buffer.from(JSON.stringify(header)).toString('base64url') }];
  const manifest = `${signed},"signatures":${JSON.stringify(signatures)}}`;
  upstream.misbehave('GET', /manifests\/old/, {
    status: 200,
    headers: { 'Content-Type': signedSchema1, 'Docker-Content-Digest': digestOf(payload) },
    body: manifest,
  });
  const answer = await get('old');
  expect([answer.status, answer.headers['content-type'], answer.headers['docker-content-digest']]).toEqual([
    200,
    signedSchema1,
    digestOf(payload),
  ]);
  expect(answer.body.toString()).toBe(manifest);
});

test('layers whose size the manifest does not say can be pulled', async () => {
  const layer = randomBytes(1000);
  const digest = upstream.addBlob('o/i', layer);
  upstream.addManifest('o/i', 'sizeless', image({ layers: [{ digest }] }));
  await get('sizeless');
  const answer = await call(berth, 'GET', `/v2/ghcr.io/o/i/blobs/${digest}`);
  expect(answer.body.equals(layer)).toBe(true);
});

test.each([
  ['a login page', '<html>log in</html>', 'text/html'],
  ['a document that says nothing of a manifest', '{"error":"log in"}', 'application/json'],
])('%s is no manifest', async (_what, body, type) => {
  upstream.misbehave('GET', /manifests\/page/, { status: 200, headers: { 'Content-Type': type }, body });
  expect((await get('page')).status).toBe(502);
});

test('a manifest above mirror.maxManifestSize is refused, by a message that says so', async () => {
  const digest = upstream.addManifest('o/i', undefined, image({ annotations: { filler: 'x'.repeat(6 * 1024 * 1024) } }));
  const answer = await get(digest);
  expect([answer.status, answer.body.toString()]).toEqual([502, expect.stringContaining('more than 6291456 bytes')]);
});

test('of a manifest of another digest nothing is served', async () => {
  const { manifest } = newImage();
  const digest = upstream.addManifest('o/i', undefined, manifest);
  upstream.misbehave('GET', /manifests/, { lie: true });
  expect((await get(digest)).status).toBe(502);
});
