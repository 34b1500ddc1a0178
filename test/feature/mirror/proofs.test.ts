import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { graceMilliseconds, createTrash } from '../../../src/content/trash.ts';
import { objectKey } from '../../../storage/blobs/driver.ts';
import { createFilesystemDriver } from '../../../storage/blobs/filesystem/filesystem-driver.ts';
import { blobKey, trashPrefix } from '../../../storage/blobs/layout.ts';
import { createSqliteStore } from '../../../storage/metadata/sqlite/sqlite-store.ts';
import { type TestBerth } from '../../support/berth.ts';
import { call } from '../../support/call.ts';
import { type FakeUpstream, startFakeUpstream } from '../../support/fake-upstream.ts';
import { descriptor, digestOf, newImage, pushBlob } from '../../support/images.ts';
import { startMirror } from '../../support/mirror.ts';
import { plain } from '../../support/plain.ts';
import { gate, until } from '../../support/until.ts';

describe('who has a blob', () => {
  let upstream: FakeUpstream;
  let berth: TestBerth;
  beforeAll(async () => {
    upstream = await startFakeUpstream();
    berth = await startMirror({ upstreams: { 'ghcr.io': { url: upstream.url } } });
  });
  afterAll(async () => {
    await berth.close();
    await upstream.close();
  });
  const get = (path: string) => call(berth, 'GET', `/v2/ghcr.io/${path}`);

  test('what is no manifest may be a blob, and the other way round', async () => {
    const image = upstream.addImage('o/i', '1');
    const layer = digestOf(image.layer);
    expect((await get(`o/i/manifests/${layer}`)).status).toBe(404);
    expect((await get(`o/i/blobs/${layer}`)).body.equals(image.layer)).toBe(true);
    expect((await get(`o/i/blobs/${image.digest}`)).status).toBe(404);
    expect((await get(`o/i/manifests/${image.digest}`)).body.toString()).toBe(image.manifest);
  });

  test('a manifest that names what was pushed here privately does not give it away', async () => {
    const secret = randomBytes(1000);
    await pushBlob(berth, 'private/app', secret);
    const config = randomBytes(10);
    upstream.addBlob('evil/i', config);
    const manifest = newImage({ config: descriptor(config), layers: [descriptor(secret)] }).manifest;
    upstream.addManifest('evil/i', '1', manifest);
    expect((await get('evil/i/manifests/1')).status).toBe(200);
    const answer = await get(`evil/i/blobs/${digestOf(secret)}`);
    expect([answer.status, answer.codes()]).toEqual([404, ['BLOB_UNKNOWN']]);
  });

  test('nor what is pushed privately while the upstream keeps the request for it waiting', async () => {
    const secret = randomBytes(1000);
    const digest = digestOf(secret);
    upstream.addManifest('evil/i', '2', newImage({ layers: [descriptor(secret)] }).manifest);
    expect((await get('evil/i/manifests/2')).status).toBe(200);
    const rest = gate();
    upstream.misbehave('GET', new RegExp(digest), { until: rest.opened });
    const pending = get(`evil/i/blobs/${digest}`);
    await until(() => upstream.count('GET', new RegExp(digest)) === 1);
    await pushBlob(berth, 'private/app', secret);
    await until(() => upstream.count('HEAD', new RegExp(digest)) === 1);
    rest.open();
    expect((await pending).status).toBe(404);
  });

  test('what was pushed here and lies at the upstream too is not fetched again', async () => {
    const shared = randomBytes(1000);
    await pushBlob(berth, 'private/app', shared);
    upstream.addBlob('o/shared', shared);
    expect((await get(`o/shared/blobs/${digestOf(shared)}`)).body.equals(shared)).toBe(true);
    expect(upstream.count('GET', new RegExp(digestOf(shared)))).toBe(0);
  });
});

test('a manifest that names what a download by a login has left here does not give it away', async () => {
  const open = await startFakeUpstream();
  const berth = await startMirror({
    upstreams: {
      'ghcr.io': { url: open.url },
      'private.example': { url: open.url, username: 'me', password: 'secret' },
    },
  });
  try {
    const secret = randomBytes(1000);
    const digest = digestOf(secret);
    // All has come, and whoever brought it was killed before it was recorded.
    await mkdir(join(berth.directory, '.berth/fills/ghcr.io'), { recursive: true });
    await writeFile(join(berth.directory, '.berth/fills/ghcr.io', digest.replace(':', '-')), secret);
    const config = randomBytes(10);
    open.addBlob('evil/i', config);
    open.addManifest('evil/i', '1', newImage({ config: descriptor(config), layers: [descriptor(secret)] }).manifest);
    const get = (path: string) => call(berth, 'GET', `/v2/ghcr.io/${path}`);
    expect((await get('evil/i/manifests/1')).status).toBe(200);
    const answer = await get(`evil/i/blobs/${digest}`);
    expect([answer.status, answer.codes()]).toEqual([404, ['BLOB_UNKNOWN']]);
    open.addBlob('good/i', secret);
    open.addManifest('good/i', '1', newImage({ config: descriptor(config), layers: [descriptor(secret)] }).manifest);
    expect((await get('good/i/manifests/1')).status).toBe(200);
    expect((await get(`good/i/blobs/${digest}`)).body.equals(secret)).toBe(true);
    expect(open.count('GET', new RegExp(digest))).toBe(0);
  } finally {
    await berth.close();
    await open.close();
  }
});

test('a store that takes its time to set bytes aside does not make the trash delete what is pushed meanwhile', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'berth-trash-'));
  const inner = await createFilesystemDriver({ directory });
  const metadata = await createSqliteStore({ file: join(directory, 'metadata.sqlite') });
  let time = 1_000_000;
  const driver = {
    ...inner,
    async move(from: Parameters<typeof inner.move>[0], to: Parameters<typeof inner.move>[1]) {
      if (to.startsWith(trashPrefix)) {
        time += 2 * graceMilliseconds; // as S3 does with a large layer
        await trash.empty();
      }
      await inner.move(from, to);
    },
  };
  const trash = createTrash({ driver, metadata, now: () => time });
  try {
    const bytes = randomBytes(100);
    const digest = digestOf(bytes);
    await inner.put(objectKey(blobKey(digest)), bytes);
    await trash.setAside(digest);
    await trash.empty();
    await plain(metadata).blobs.commit('app', digest, bytes.length, 'no upload', time);
    await trash.empty();
    expect((await inner.stat(blobKey(digest))).sizeBytes).toBe(bytes.length);
  } finally {
    await metadata.close();
    await inner.close();
    await rm(directory, { recursive: true });
  }
});
