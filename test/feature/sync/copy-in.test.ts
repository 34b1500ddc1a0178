import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { mediaTypes } from '../../../src/oci/media-types.ts';
import type { RepositoryName } from '../../../src/oci/reference.ts';
import { type FakeUpstream, startFakeUpstream } from '../../support/fake-upstream.ts';
import { descriptor, digestOf, newImage, newIndex } from '../../support/images.ts';
import { type SyncSite, startSite } from '../../support/sync.ts';
import { call } from '../../support/call.ts';
import { until } from '../../support/until.ts';

let upstream: FakeUpstream;
let site: SyncSite;

beforeAll(async () => {
  [upstream, site] = await Promise.all([startFakeUpstream({ auth: 'bearer' }), startSite()]);
});
afterAll(async () => {
  await site.dispose();
  await upstream.close();
});
afterEach(() => upstream.behave());

const registries = () => ({ 'hub.test': { url: upstream.url } });

/** Configures a copy of one repository. */
function copyOf(name: string, entry: object = {}) {
  return site.configure({ registries: registries(), sync: [{ from: `hub.test/${name}`, to: name, ...entry }] });
}

describe('a copy into this registry', () => {
  test('has the digests of the source, and its second run copies nothing', async () => {
    const image = upstream.addImage('one/app', '1');
    await copyOf('one/app');
    expect((await site.run()).summary).toMatchObject({ tags: 1, copiedTags: 1, copiedManifests: 1, copiedBlobs: 2 });
    expect(await site.tag('one/app', '1')).toBe(image.digest);
    const pulled = await call(site, 'GET', `/v2/one/app/blobs/${digestOf(image.layer)}`);
    expect(pulled.body.equals(image.layer)).toBe(true);
    const sent = upstream.blobBytes;
    expect(await site.run()).toMatchObject({ error: undefined, summary: { tags: 1, copiedTags: 0, copiedBlobs: 0 } });
    expect(upstream.blobBytes).toBe(sent);
  });

  test('copies every repository that the catalogue lists below the pattern', async () => {
    for (const name of ['many/a', 'many/b/c', 'manyother/d']) upstream.addImage(name, 'v');
    await site.configure({ registries: registries(), sync: [{ from: 'hub.test/many/**', to: 'copies/**' }] });
    await site.run();
    expect(await site.tag('copies/a', 'v')).toBeDefined();
    expect(await site.tag('copies/b/c', 'v')).toBeDefined();
    expect(await site.metadata.repositories.list('copies/', 10)).toEqual(['copies/a', 'copies/b/c', expect.anything()]);
  });

  test('takes only the newest versions of the matching tags', async () => {
    for (const tag of ['v1.9.0', 'v1.10.0', 'v1.8.0', 'latest', 'v2.0.0-rc.1']) upstream.addImage('picky/app', tag);
    await copyOf('picky/app', { tags: ['semver(*)', '!*-rc*'], newest: 2 });
    await site.run();
    expect(await site.tags('picky/app')).toEqual(['v1.10.0', 'v1.9.0']);
  });

  test('copies chosen platforms of an index, whose digest stays', async () => {
    const [amd64, arm64] = [newImage(), newImage()];
    for (const image of [amd64, arm64]) {
      upstream.addBlob('sparse/app', image.layer);
      upstream.addBlob('sparse/app', Buffer.from(image.config));
      upstream.addManifest('sparse/app', undefined, image.manifest);
    }
    const entry = (image: typeof amd64, architecture: string) => ({
      ...descriptor(image.manifest, mediaTypes.ociManifest),
      platform: { os: 'linux', architecture },
    });
    const index = newIndex([], { manifests: [entry(amd64, 'amd64'), entry(arm64, 'arm64')] });
    upstream.addManifest('sparse/app', 'v', index, mediaTypes.ociIndex);
    await copyOf('sparse/app', { platforms: ['linux/amd64'] });
    await site.run();
    expect(await site.tag('sparse/app', 'v')).toBe(digestOf(index));
    const status = async (digest: string) => (await call(site, 'GET', `/v2/sparse/app/manifests/${digest}`)).status;
    expect([await status(amd64.digest), await status(arm64.digest)]).toEqual([200, 404]);
    await copyOf('sparse/app');
    await site.run({ isFull: true });
    expect(await status(arm64.digest)).toBe(200);
  });

  test('refuses an index whose chosen children are missing at the source', async () => {
    const child = newImage();
    upstream.addManifest('broken/app', 'v', newIndex([child]), mediaTypes.ociIndex);
    await copyOf('broken/app');
    expect(await site.run()).toMatchObject({
      error: '1 failed',
      actions: [{ action: 'copy' }, { action: 'fail', reference: 'v' }],
    });
    expect(await site.tag('broken/app', 'v')).toBeUndefined();
    expect(await site.metadata.syncEntries.listFailures('entry-0', 10)).toEqual([
      { repository: 'broken/app', reference: 'v', reason: 'not found' },
    ]);
  });

  test('copies referrers, also those that are added later', async () => {
    const image = upstream.addImage('signed/app', '1');
    const sbom = upstream.addReferrer('signed/app', image.digest, 'application/sbom');
    await copyOf('signed/app');
    await site.run();
    expect(await referrersOf('signed/app', image.digest)).toEqual([sbom]);
    const signature = upstream.addReferrer('signed/app', image.digest, 'application/signature');
    await site.run();
    expect(await referrersOf('signed/app', image.digest)).toEqual([sbom, signature].sort());
  });

  test('copies the signature tag of an image together with it', async () => {
    const image = upstream.addImage('cosigned/app', 'v1.0.0');
    const signature = upstream.addImage('cosigned/app', `${image.digest.replace(':', '-')}.sig`);
    upstream.addImage('cosigned/app', `sha256-${'0'.repeat(64)}.sig`);
    await copyOf('cosigned/app', { tags: ['semver(*)'] });
    await site.run();
    expect(await site.tags('cosigned/app')).toEqual([`${image.digest.replace(':', '-')}.sig`, 'v1.0.0']);
    expect(await site.tag('cosigned/app', `${image.digest.replace(':', '-')}.sig`)).toBe(signature.digest);
  });

  test('continues a layer whose download broke off, without the bytes that it has', async () => {
    const image = upstream.addImage('cut/app', '1', 3_000_000);
    const before = upstream.blobBytes;
    upstream.misbehave('GET', new RegExp(`blobs/${digestOf(image.layer)}`), { cutAfter: 2_000_000 });
    await copyOf('cut/app');
    expect(await site.run()).toMatchObject({ error: undefined });
    expect(await site.tag('cut/app', '1')).toBe(image.digest);
    expect(upstream.blobBytes - before).toBeLessThan(3_000_000 + 200_000);
    expect(rangesOf(image.layer)).toHaveLength(1);
  });

  test('continues a layer after the process was stopped in the middle of it', async () => {
    const image = upstream.addImage('stopped/app', '1', 3_000_000);
    upstream.misbehave('GET', new RegExp(`blobs/${digestOf(image.layer)}`), {
      stallAfter: 2_000_000,
      until: new Promise(() => undefined),
    });
    const sync = await copyOf('stopped/app');
    let copied = 0;
    const ended = site.run({ onProgress: ({ copiedBytes }) => (copied = copiedBytes) });
    const interrupted = expect(ended).rejects.toThrow('berth shuts down');
    await until(() => copied >= 2_000_000);
    await sync.close();
    await interrupted;
    expect(await site.metadata.syncEntries.find('entry-0')).toMatchObject({ endedAt: expect.anything() });
    const before = upstream.blobBytes;
    await copyOf('stopped/app');
    expect(await site.run()).toMatchObject({ error: undefined });
    expect(await site.tag('stopped/app', '1')).toBe(image.digest);
    expect(upstream.blobBytes - before).toBeLessThan(1_200_000);
    expect(rangesOf(image.layer)).toHaveLength(1);
  });

  test('gives up a layer with other bytes than its digest', async () => {
    const image = upstream.addImage('lying/app', '1');
    upstream.misbehave('GET', new RegExp(`blobs/${digestOf(image.layer)}`), { lie: true }, 100);
    await copyOf('lying/app');
    expect(await site.run()).toMatchObject({ error: '1 failed' });
    expect(await site.tag('lying/app', '1')).toBeUndefined();
  });

  test('does not take a blob from a repository that the entry does not write to', async () => {
    const image = newImage();
    for (const blob of [image.layer, Buffer.from(image.config)]) {
      const id = await site.registry.uploads.start('private/secrets' as RepositoryName, 'sha256', '');
      const session = { id, repository: 'private/secrets' as RepositoryName, owner: '' };
      await site.registry.uploads.finish(session, digestOf(blob), { body: one(blob) });
    }
    upstream.addManifest('curious/app', '1', image.manifest);
    await copyOf('curious/app');
    expect(await site.run()).toMatchObject({ error: '1 failed' });
    expect(await site.tag('curious/app', '1')).toBeUndefined();
  });

  test('leaves an immutable tag where it is, and says so', async () => {
    const old = upstream.addImage('fixed/app', 'v1.0.0');
    const tags = { immutable: ['**:semver(*)'] };
    await site.configure({ registries: registries(), sync: [{ from: 'hub.test/fixed/app', to: 'fixed/app' }], tags });
    await site.run();
    upstream.addImage('fixed/app', 'v1.0.0');
    const { error, actions } = await site.run();
    expect(error).toBe('1 failed');
    expect(actions).toMatchObject([{ action: 'fail', reference: 'v1.0.0', reason: expect.stringContaining('is immutable') }]);
    expect(await site.tag('fixed/app', 'v1.0.0')).toBe(old.digest);
  });

  test('a dry run says what it would copy, and writes nothing', async () => {
    const image = upstream.addImage('dry/app', '1');
    await copyOf('dry/app');
    expect((await site.run({ isDryRun: true })).actions).toMatchObject([
      { action: 'copy', repository: 'dry/app', reference: '1', digest: image.digest },
    ]);
    expect(await site.tags('dry/app')).toEqual([]);
    expect(await site.metadata.syncTags.list('entry-0', 'dry/app' as RepositoryName, '', 10)).toEqual([]);
  });

  test('sets only tags of images that are there, if asked to', async () => {
    const image = upstream.addImage('adopted/app', '1');
    await copyOf('adopted/app');
    await site.run();
    await site.metadata.tags.remove('adopted/app' as RepositoryName, '1', { actor: '', address: '', at: 1 });
    await site.configure({ registries: registries(), sync: [{ name: 'tags', from: 'hub.test/adopted/app', to: 'adopted/app' }] });
    upstream.addImage('adopted/app', '2');
    const sent = upstream.blobBytes;
    expect(await site.run({ tagsOnly: true })).toMatchObject({ error: '1 failed', summary: { copiedTags: 1 } });
    expect(await site.tag('adopted/app', '1')).toBe(image.digest);
    expect(upstream.blobBytes).toBe(sent);
  });

  test('records its changes in the name of sync', async () => {
    const history = await site.metadata.tagHistory.list('one/app' as RepositoryName, '1', Number.MAX_SAFE_INTEGER, 10);
    expect(history).toMatchObject([{ actor: 'sync' }]);
  });
});

async function referrersOf(repository: string, digest: string): Promise<readonly string[]> {
  const answer = await call(site, 'GET', `/v2/${repository}/referrers/${digest}`);
  const { manifests } = JSON.parse(answer.body.toString()) as { manifests: { digest: string }[] };
  return manifests.map((one) => one.digest).sort();
}

function rangesOf(layer: Buffer): readonly string[] {
  const asked = upstream.requests.filter(({ method, url }) => method === 'GET' && url.includes(digestOf(layer)));
  return asked.flatMap(({ headers }) => headers.range ?? []);
}

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
}
