import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mediaTypes } from '../../../src/oci/media-types.ts';
import { type TestBerth, startBerth } from '../../support/berth.ts';
import { call } from '../../support/call.ts';
import { digestOf, newIndex, pushBlob, pushImage, putManifest } from '../../support/images.ts';

let berth: TestBerth;
beforeAll(async () => {
  berth = await startBerth();
});
afterAll(() => berth.close());

describe('end-9 DELETE /v2/<name>/manifests/<reference>', () => {
  test('end-9 DELETE of a tag answers 202; the manifest and its other tags stay', async () => {
    const image = await pushImage(berth, 'app', 'one');
    await putManifest(berth, 'app', 'two', image.manifest);
    expect((await call(berth, 'DELETE', '/v2/app/manifests/one')).status).toBe(202);
    expect((await call(berth, 'HEAD', '/v2/app/manifests/one')).status).toBe(404);
    expect((await call(berth, 'HEAD', '/v2/app/manifests/two')).status).toBe(200);
    expect((await call(berth, 'HEAD', `/v2/app/manifests/${image.digest}`)).status).toBe(200);
  });

  test('end-9 DELETE of a digest answers 202 and takes its tags along', async () => {
    const image = await pushImage(berth, 'gone', 'one');
    await putManifest(berth, 'gone', 'two', image.manifest);
    expect((await call(berth, 'DELETE', `/v2/gone/manifests/${image.digest}`)).status).toBe(202);
    expect((await call(berth, 'GET', '/v2/gone/tags/list')).json()).toEqual({ name: 'gone', tags: [] });
    expect((await call(berth, 'HEAD', `/v2/gone/manifests/${image.digest}`)).status).toBe(404);
  });

  test('end-9 DELETE of what is not there answers 404, of a malformed digest 400', async () => {
    for (const reference of ['nothing', '.x', digestOf('nothing')]) {
      const answer = await call(berth, 'DELETE', `/v2/app/manifests/${reference}`);
      expect([answer.status, answer.codes()]).toEqual([404, ['MANIFEST_UNKNOWN']]);
    }
    expect((await call(berth, 'DELETE', '/v2/app/manifests/sha256:x')).codes()).toEqual(['DIGEST_INVALID']);
  });

  test('end-9 DELETE with If-Match of another digest answers 412 and deletes nothing', async () => {
    const image = await pushImage(berth, 'conditional', 'one');
    const remove = async (reference: string, condition: string) => {
      const answer = await call(berth, 'DELETE', `/v2/conditional/manifests/${reference}`, {
        headers: { 'If-Match': condition },
      });
      return [answer.status, ...(answer.status === 412 ? answer.codes() : [])];
    };
    for (const reference of ['one', image.digest]) expect(await remove(reference, '"other"')).toEqual([412, 'DENIED']);
    expect((await call(berth, 'GET', '/v2/conditional/tags/list')).json()).toMatchObject({ tags: ['one'] });
    expect(await remove('none', '"other"')).toEqual([404]);
    expect(await remove('one', `"${image.digest}"`)).toEqual([202]);
    expect(await remove(image.digest, '*')).toEqual([202]);
  });

  test('end-9 DELETE of an index child answers 405 until the index is gone', async () => {
    const child = await pushImage(berth, 'multi', 'child');
    const index = newIndex([child]);
    await putManifest(berth, 'multi', 'index', index, mediaTypes.ociIndex);
    const refused = await call(berth, 'DELETE', `/v2/multi/manifests/${child.digest}`);
    expect([refused.status, refused.codes(), refused.header('allow')]).toEqual([405, ['UNSUPPORTED'], 'GET, HEAD']);
    expect(refused.body.toString()).toContain(digestOf(index));
    await call(berth, 'DELETE', `/v2/multi/manifests/${digestOf(index)}`);
    expect((await call(berth, 'DELETE', `/v2/multi/manifests/${child.digest}`)).status).toBe(202);
  });
});

describe('end-10 DELETE /v2/<name>/blobs/<digest>', () => {
  test('end-10 DELETE answers 202 and only this repository loses the blob', async () => {
    const bytes = randomBytes(50);
    const digest = await pushBlob(berth, 'one', bytes);
    await pushBlob(berth, 'other', bytes);
    expect((await call(berth, 'DELETE', `/v2/one/blobs/${digest}`)).status).toBe(202);
    expect((await call(berth, 'HEAD', `/v2/one/blobs/${digest}`)).status).toBe(404);
    expect((await call(berth, 'HEAD', `/v2/other/blobs/${digest}`)).status).toBe(200);
    expect((await call(berth, 'DELETE', `/v2/one/blobs/${digest}`)).codes()).toEqual(['BLOB_UNKNOWN']);
    await pushBlob(berth, 'one', bytes);
    expect((await call(berth, 'HEAD', `/v2/one/blobs/${digest}`)).status).toBe(200);
  });

  test('end-10 DELETE of a layer answers 405 until its manifest is gone', async () => {
    const image = await pushImage(berth, 'layers', 'x');
    const path = `/v2/layers/blobs/${digestOf(image.layer)}`;
    expect((await call(berth, 'DELETE', path)).status).toBe(405);
    await call(berth, 'DELETE', `/v2/layers/manifests/${image.digest}`);
    expect((await call(berth, 'DELETE', path)).status).toBe(202);
  });
});
