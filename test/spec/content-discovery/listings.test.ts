import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mediaTypes } from '../../../src/oci/media-types.ts';
import { type TestBerth, startBerth } from '../../support/berth.ts';
import { type Answer, call } from '../../support/call.ts';
import { type TestImage, descriptor, digestOf, pushBlob, pushImage, putManifest } from '../../support/images.ts';

let berth: TestBerth;
let image: TestImage;
/** Ascending by bytes: capitals come first. */
const tags = ['A', 'Z1', '_x', 'a', 'a-b', 'a.b', 'latest', 'v1', 'v10', 'v2'];

beforeAll(async () => {
  berth = await startBerth();
  image = await pushImage(berth, 'app', 'latest');
  await putManifest(berth, 'app', `${image.digest}?${tags.map((tag) => `tag=${tag}`).join('&')}`, image.manifest);
  for (const name of ['a', 'a-b', 'a/b', 'b']) await pushImage(berth, name, 'x');
});
afterAll(() => berth.close());

/** Follows `Link` to the end. */
async function pages(path: string, field: string): Promise<unknown[][]> {
  const found: unknown[][] = [];
  for (let next: string | undefined = path; next !== undefined;) {
    const answer: Answer = await call(berth, 'GET', next);
    expect(answer.status).toBe(200);
    found.push((answer.json() as Record<string, unknown[]>)[field] ?? []);
    next = typeof answer.headers['link'] === 'string' ? /^<(.+)>; rel="next"$/.exec(answer.headers['link'])?.[1] : undefined;
  }
  return found;
}

describe('end-8a GET /v2/<name>/tags/list', () => {
  test('end-8a GET lists the tags ascending by bytes', async () => {
    const answer = await call(berth, 'GET', '/v2/app/tags/list');
    expect([answer.status, answer.json()]).toEqual([200, { name: 'app', tags }]);
    expect(answer.headers['link']).toBeUndefined();
    expect((await call(berth, 'HEAD', '/v2/app/tags/list')).header('content-length')).toBe(String(answer.body.length));
  });

  test('end-8a GET of an unknown repository answers 404 NAME_UNKNOWN', async () => {
    const answer = await call(berth, 'GET', '/v2/nobody/tags/list');
    expect([answer.status, answer.codes()]).toEqual([404, ['NAME_UNKNOWN']]);
  });
});

describe('end-8b GET /v2/<name>/tags/list?n=<integer>&last=<tagname>', () => {
  test.each([1, 3, 9, 10, 11])('end-8b GET in pages of %d lists every tag once', async (n) => {
    const found = await pages(`/v2/app/tags/list?n=${n}`, 'tags');
    expect(found.flat()).toEqual(tags);
    expect(found.slice(0, -1).every((page) => page.length === n)).toBe(true);
  });

  test('end-8b GET with last alone lists what follows, also after a tag that does not exist', async () => {
    expect((await call(berth, 'GET', '/v2/app/tags/list?last=latest')).json()).toEqual({
      name: 'app',
      tags: ['v1', 'v10', 'v2'],
    });
    expect((await call(berth, 'GET', '/v2/app/tags/list?last=m')).json()).toEqual({ name: 'app', tags: ['v1', 'v10', 'v2'] });
  });

  test('end-8b GET with n=0 lists nothing and links nowhere', async () => {
    const answer = await call(berth, 'GET', '/v2/app/tags/list?n=0');
    expect([answer.json(), answer.headers['link']]).toEqual([{ name: 'app', tags: [] }, undefined]);
  });

  test('end-8b GET with an n of 10^18 is only a large page', async () => {
    expect((await call(berth, 'GET', '/v2/app/tags/list?n=1000000000000000000')).json()).toEqual({ name: 'app', tags });
  });

  test.each(['n=-1', 'n=abc', 'n=', 'n=1.5', `n=${'9'.repeat(100)}`, `last=${'x'.repeat(300)}`, 'last=%00', 'last=a%0Ab'])(
    'end-8b GET with %.20s answers 400',
    async (query) => {
      for (const path of ['/v2/app/tags/list', '/v2/_catalog'])
        expect((await call(berth, 'GET', `${path}?${query}`)).status).toBe(400);
    },
  );

  test("end-8b GET with a hostile last is only text: ' OR 1=1 --", async () => {
    expect((await call(berth, 'GET', "/v2/app/tags/list?last='%27OR%271=1--")).json()).toEqual({ name: 'app', tags });
  });
});

describe('catalog GET /v2/_catalog', () => {
  test.each([1, 2, 100])('catalog GET in pages of %d lists every repository once, ascending', async (n) => {
    expect((await pages(`/v2/_catalog?n=${n}`, 'repositories')).flat()).toEqual(['a', 'a-b', 'a/b', 'app', 'b']);
  });
});

describe('end-12a GET /v2/<name>/referrers/<digest>', () => {
  const referrer = (type: string, extra: Readonly<Record<string, unknown>> = {}) =>
    pushImage(berth, 'signed', `tag-${type}`, {
      subject: descriptor(image.manifest, mediaTypes.ociManifest),
      artifactType: `application/${type}`,
      ...extra,
    });

  test('end-12a GET of an unknown digest or repository answers an empty index', async () => {
    for (const path of [`/v2/app/referrers/${digestOf('x')}`, `/v2/nobody/referrers/${digestOf('x')}`]) {
      const answer = await call(berth, 'GET', path);
      expect([answer.status, answer.header('content-type')]).toEqual([200, mediaTypes.ociIndex]);
      expect(answer.json()).toEqual({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [] });
    }
  });

  test('end-12a GET lists what refers to the manifest, with artifactType and annotations', async () => {
    const one = await referrer('one', { annotations: { who: 'me' } });
    const without = await pushImage(berth, 'signed', 'plain', { subject: descriptor(image.manifest, mediaTypes.ociManifest) });
    const { manifests } = (await call(berth, 'GET', `/v2/signed/referrers/${image.digest}`)).json() as { manifests: object[] };
    expect(manifests).toContainEqual({
      mediaType: mediaTypes.ociManifest,
      digest: one.digest,
      size: one.manifest.length,
      artifactType: 'application/one',
      annotations: { who: 'me' },
    });
    expect(manifests).toContainEqual({
      mediaType: mediaTypes.ociManifest,
      digest: without.digest,
      size: without.manifest.length,
      artifactType: 'application/vnd.oci.image.config.v1+json',
    });
  });

  test('end-12b GET with artifactType filters and says so', async () => {
    const two = await referrer('two');
    const answer = await call(berth, 'GET', `/v2/signed/referrers/${image.digest}?artifactType=application/two`);
    expect(answer.header('oci-filters-applied')).toBe('artifactType');
    expect((answer.json() as { manifests: { digest: string }[] }).manifests.map(({ digest }) => digest)).toEqual([two.digest]);
  });

  test('end-12a GET in pages lists every referrer once', async () => {
    for (const type of ['p1', 'p2', 'p3', 'p4']) await referrer(type);
    const whole = (await pages(`/v2/signed/referrers/${image.digest}`, 'manifests')).flat();
    expect((await pages(`/v2/signed/referrers/${image.digest}?n=2`, 'manifests')).flat()).toEqual(whole);
    expect(whole.length).toBeGreaterThanOrEqual(4);
  });

  test('end-12a GET of referrers with large annotations: each page stays below the size of a manifest', async () => {
    const subject = descriptor('of many', mediaTypes.ociManifest);
    const config = await pushBlob(berth, 'annotated', '{}');
    const digests: string[] = [];
    for (let index = 0; index < 20; index++) {
      const manifest = JSON.stringify({
        schemaVersion: 2,
        mediaType: mediaTypes.ociManifest,
        config: { mediaType: 'x/y', digest: config, size: 2 },
        layers: [],
        subject,
        annotations: { index: String(index), large: 'A'.repeat(250 * 1024) },
      });
      await putManifest(berth, 'annotated', digestOf(manifest), manifest);
      digests.push(digestOf(manifest));
    }
    const answer = await call(berth, 'GET', `/v2/annotated/referrers/${subject.digest}`);
    expect(answer.body.length).toBeLessThan(4 * 1024 * 1024);
    const found = (await pages(`/v2/annotated/referrers/${subject.digest}`, 'manifests')) as { digest: string }[][];
    expect(found.map((page) => page.length)).toEqual([16, 4]);
    expect(found.flat().map(({ digest }) => digest)).toEqual(digests.sort());
  });

  test('end-12a GET of a deleted referrer lists it no more; a malformed digest answers 400', async () => {
    const gone = await referrer('gone');
    await call(berth, 'DELETE', `/v2/signed/manifests/${gone.digest}`);
    expect((await call(berth, 'GET', `/v2/signed/referrers/${image.digest}`)).body.toString()).not.toContain(gone.digest);
    expect((await call(berth, 'GET', '/v2/signed/referrers/latest')).codes()).toEqual(['DIGEST_INVALID']);
  });
});
