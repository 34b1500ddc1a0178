import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type TestBerth, startBerth } from '../../support/berth.ts';
import { call } from '../../support/call.ts';
import { digestOf, newImage, newIndex, pushBlobs, pushImage, putManifest } from '../../support/images.ts';
import { mediaTypes } from '../../../src/oci/media-types.ts';

const statusOf = async (berth: TestBerth, method: string, path: string) => (await call(berth, method, path)).status;

describe('DELETE of a manifest', () => {
  let berth: TestBerth;
  beforeAll(async () => {
    berth = await startBerth({ BERTH_TRASH_WINDOW: '7d' });
  });
  afterAll(() => berth.close());

  test('takes children and referrers along that nothing else keeps, and leaves their blobs readable by digest', async () => {
    const child = newImage();
    await pushBlobs(berth, 'app', child);
    await putManifest(berth, 'app', child.digest, child.manifest);
    const index = newIndex([child]);
    await putManifest(berth, 'app', '1', index, mediaTypes.ociIndex);
    const subject = { mediaType: mediaTypes.ociIndex, digest: digestOf(index), size: index.length };
    const signature = newImage({ subject });
    await pushBlobs(berth, 'app', signature);
    await putManifest(berth, 'app', signature.digest, signature.manifest);
    expect(await statusOf(berth, 'DELETE', `/v2/app/manifests/${digestOf(index)}`)).toBe(202);
    for (const reference of ['1', digestOf(index), child.digest, signature.digest])
      expect(await statusOf(berth, 'HEAD', `/v2/app/manifests/${reference}`)).toBe(404);
    expect((await call(berth, 'GET', `/v2/app/referrers/${digestOf(index)}`)).json()).toMatchObject({ manifests: [] });
    for (const blob of [child.layer, child.config, signature.layer])
      expect(await statusOf(berth, 'GET', `/v2/app/blobs/${digestOf(blob)}`)).toBe(200);
  });

  test('is counted in the metrics', async () => {
    const count = async () =>
      /berth_trash_manifests_total\{change="deleted"\} (\d+)/.exec((await call(berth, 'GET', '/metrics')).body.toString())?.[1] ??
      0;
    const before = Number(await count());
    const image = await pushImage(berth, 'counted', '1');
    await call(berth, 'DELETE', `/v2/counted/manifests/${image.digest}`);
    expect(Number(await count())).toBe(before + 1);
  });

  test('is undone by a push of the same digest', async () => {
    const image = await pushImage(berth, 'revived', '1');
    await call(berth, 'DELETE', `/v2/revived/manifests/${image.digest}`);
    expect((await putManifest(berth, 'revived', '2', image.manifest)).status).toBe(201);
    expect((await call(berth, 'GET', `/v2/revived/manifests/${image.digest}`)).status).toBe(200);
    expect((await call(berth, 'GET', '/v2/revived/tags/list')).json()).toEqual({ name: 'revived', tags: ['2'] });
  });
});

describe('a configuration that limits DELETE', () => {
  const paths = async (berth: TestBerth) => {
    const image = await pushImage(berth, 'app', '1');
    return ['/v2/app/manifests/1', `/v2/app/manifests/${image.digest}`, `/v2/app/blobs/${digestOf(image.layer)}`] as const;
  };

  test('delete.enabled false refuses every DELETE with 405', async () => {
    const berth = await startBerth({ BERTH_DELETE_ENABLED: 'false' });
    try {
      for (const path of await paths(berth)) {
        const refused = await call(berth, 'DELETE', path);
        expect([refused.status, refused.codes()]).toEqual([405, ['UNSUPPORTED']]);
        expect(refused.body.toString()).toContain('does not allow deleting');
        expect(await statusOf(berth, 'HEAD', path)).toBe(200);
      }
    } finally {
      await berth.close();
    }
  });

  test('delete.kinds lists what DELETE may delete', async () => {
    const berth = await startBerth({ BERTH_DELETE_KINDS: 'tags' });
    try {
      const [tag, manifest, blob] = await paths(berth);
      const statuses = [];
      for (const path of [blob, manifest, tag]) statuses.push(await statusOf(berth, 'DELETE', path));
      expect(statuses).toEqual([405, 405, 202]);
    } finally {
      await berth.close();
    }
  });
});

describe('immutable tags', () => {
  let berth: TestBerth;
  beforeAll(async () => {
    berth = await startBerth({ BERTH_TAGS_IMMUTABLE: '**:{semver-*,release},!free/**:*,**:semver(*)' });
  });
  afterAll(() => berth.close());

  const put = (image: { readonly manifest: string }, path: string) =>
    call(berth, 'PUT', `/v2/${path}`, { body: image.manifest, headers: { 'Content-Type': mediaTypes.ociManifest } });

  test('no path moves or deletes an immutable tag, and the same digest is accepted', async () => {
    const image = await pushImage(berth, 'app', 'v1.2.3');
    const other = await pushImage(berth, 'app', 'latest');
    const table = [
      [put(other, 'app/manifests/v1.2.3'), 403],
      [put(other, `app/manifests/${other.digest}?tag=v1.2.3`), 403],
      [put(other, 'app/manifests/latest?tag=new&tag=v1.2.3'), 403],
      [put(image, 'app/manifests/v1.2.3'), 201],
      [put(image, `app/manifests/${image.digest}?tag=v1.2.3`), 201],
      [call(berth, 'DELETE', '/v2/app/manifests/v1.2.3'), 403],
      [call(berth, 'DELETE', `/v2/app/manifests/${image.digest}`), 403],
    ] as const;
    for (const [request, status] of table) {
      const answer = await request;
      expect(answer.status).toBe(status);
      if (status === 403) expect(answer.body.toString()).toContain('app:v1.2.3 is immutable (tags.immutable has **:semver(*))');
    }
    expect((await call(berth, 'GET', '/v2/app/manifests/v1.2.3')).header('docker-content-digest')).toBe(image.digest);
    expect((await call(berth, 'HEAD', '/v2/app/manifests/new')).status).toBe(404);
  });

  test('tags that follow an image, exceptions, and tags of other names can move', async () => {
    const image = await pushImage(berth, 'app', 'latest');
    const follower = `sha256-${image.digest.slice(7)}.sig`;
    for (const [repository, tag] of [
      ['app', follower],
      ['app', '1.2'],
      ['free/app', '1.2.3'],
    ] as const) {
      await pushImage(berth, repository, tag);
      await pushImage(berth, repository, tag);
      expect(await statusOf(berth, 'DELETE', `/v2/${repository}/manifests/${tag}`)).toBe(202);
    }
  });

  test('of concurrent first pushes of an immutable tag only those with one digest succeed', async () => {
    const images = Array.from({ length: 8 }, () => newImage());
    for (const image of images) await pushBlobs(berth, 'race', image);
    const statuses = await Promise.all(images.map(async (image) => (await put(image, 'race/manifests/1.0.0')).status));
    expect(statuses.filter((status) => status === 201)).toHaveLength(1);
    expect(statuses.filter((status) => status === 403)).toHaveLength(7);
  });

  test('a pattern that is not valid stops the start and is named', async () => {
    await expect(startBerth({ BERTH_TAGS_IMMUTABLE: '**:semver(x),**:@untagged' })).rejects.toThrow(
      /\*\*:semver\(x\) is not a pattern[^]*\*\*:@untagged selects no tag/,
    );
  });
});
