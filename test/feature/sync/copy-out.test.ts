import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { mediaTypes } from '../../../src/oci/media-types.ts';
import { type FaultProxy, startFaultProxy } from '../../support/fault-proxy.ts';
import { descriptor, digestOf, newImage, newIndex, pushBlobs, pushImage, putManifest } from '../../support/images.ts';
import { type SyncSite, startSite } from '../../support/sync.ts';
import { until } from '../../support/until.ts';

/** `site` copies to `target`, through a proxy that sees its requests. */
let site: SyncSite;
let target: SyncSite;
let proxy: FaultProxy;

beforeAll(async () => {
  [site, target] = await Promise.all([startSite(), startSite()]);
  proxy = await startFaultProxy(target.url);
});
afterAll(async () => {
  await site.dispose();
  await proxy.close();
  await target.dispose();
});
afterEach(() => {
  proxy.decide = () => undefined;
});

const part = 1024 * 1024;

function copyTo(name: string, entry: object = {}) {
  return site.configure({
    registries: { 'target.test': { url: proxy.url, uploadPart: '1MiB' } },
    sync: [{ from: name, to: `target.test/copies/${name}`, ...entry }],
  });
}

/** The writes since the last call: method, kind, and reference of a manifest. */
function writes(from: number): readonly string[] {
  return proxy.seen.slice(from).flatMap(({ method, path }) => {
    if (method === 'HEAD' || method === 'GET' || method === 'POST') return [];
    return path.includes('/manifests/') ? `manifest ${path.split('/').at(-1) ?? ''}` : 'blob';
  });
}

describe('a copy to another registry', () => {
  test('sends blobs, then children, then the index, then its referrers, and the tag last', async () => {
    const child = newImage();
    await pushBlobs(site, 'ordered', child);
    await putManifest(site, 'ordered', child.digest, child.manifest);
    const index = newIndex([child]);
    await putManifest(site, 'ordered', 'v', index, mediaTypes.ociIndex);
    const subject = descriptor(index, mediaTypes.ociIndex);
    const signature = newImage({ artifactType: 'application/signature', subject });
    await pushBlobs(site, 'ordered', signature);
    await putManifest(site, 'ordered', signature.digest, signature.manifest);
    await copyTo('ordered');
    const before = proxy.seen.length;
    expect(await site.run()).toMatchObject({ error: undefined });
    expect(writes(before)).toEqual([
      'blob',
      'blob',
      `manifest ${child.digest}`,
      `manifest ${digestOf(index)}`,
      'blob',
      'blob',
      `manifest ${signature.digest}`,
      'manifest v',
    ]);
    expect(await target.tag('copies/ordered', 'v')).toBe(digestOf(index));
  });

  test('sends nothing that the target has', async () => {
    const image = await pushImage(site, 'known', '1');
    await pushBlobs(target, 'copies/known', image);
    await copyTo('known');
    const before = proxy.seen.length;
    expect((await site.run()).summary).toMatchObject({ copiedTags: 1, copiedBlobs: 0, skippedBlobs: 2 });
    expect(writes(before)).toEqual([`manifest ${image.digest}`, 'manifest 1']);
  });

  test('mounts blobs from a repository that it has copied before', async () => {
    const image = await pushImage(site, 'family/one', '1');
    await pushBlobs(site, 'family/two', image);
    await putManifest(site, 'family/two', '1', image.manifest);
    await copyTo('family/**');
    expect((await site.run()).summary).toMatchObject({ copiedTags: 2, copiedBlobs: 2, skippedBlobs: 2 });
  });

  test.each(['cut', 'lose answer'] as const)('continues a layer after a connection broke (%s)', async (fault) => {
    const name = `broken-${fault.slice(0, 3)}`;
    const image = await pushLarge(name);
    await copyTo(name);
    let patches = 0;
    proxy.decide = ({ method }) => (method === 'PATCH' && ++patches === 2 ? fault : undefined);
    const before = proxy.seen.length;
    expect(await site.run()).toMatchObject({ error: undefined });
    expect(await target.tag(`copies/${name}`, '1')).toBe(image.digest);
    expect(sentParts(before)).toBeLessThanOrEqual(fault === 'cut' ? 4 : 3);
  });

  test('continues a layer after the process was stopped in the middle of it', async () => {
    const image = await pushLarge('stopped');
    const sync = await copyTo('stopped');
    let patches = 0;
    proxy.decide = ({ method }) => (method === 'PATCH' && ++patches === 3 ? 'stall' : undefined);
    const interrupted = expect(site.run()).rejects.toThrow('berth shuts down');
    await until(() => patches === 3);
    await sync.close();
    await interrupted;
    const before = proxy.seen.length;
    await copyTo('stopped');
    expect(await site.run()).toMatchObject({ error: undefined });
    expect(await target.tag('copies/stopped', '1')).toBe(image.digest);
    expect(sentParts(before)).toBe(1);
  });

  test('says why the registry refused, in its own words', async () => {
    const [amd64, arm64] = [newImage(), newImage()];
    for (const image of [amd64, arm64]) {
      await pushBlobs(site, 'sparse', image);
      await putManifest(site, 'sparse', image.digest, image.manifest);
    }
    const entry = (image: typeof amd64, architecture: string) => ({
      ...descriptor(image.manifest, mediaTypes.ociManifest),
      platform: { os: 'linux', architecture },
    });
    const manifests = [entry(amd64, 'amd64'), entry(arm64, 'arm64')];
    await putManifest(site, 'sparse', 'v', newIndex([], { manifests }), mediaTypes.ociIndex);
    await copyTo('sparse', { platforms: ['linux/amd64'] });
    const { error, actions } = await site.run();
    expect(error).toBe('1 failed');
    expect(actions.at(-1)?.reason).toContain(`MANIFEST_BLOB_UNKNOWN: ${arm64.digest} is unknown to the repository`);
  });

  test('has no deletions in another registry', async () => {
    await expect(copyTo('x', { deletions: 'trash' })).rejects.toThrow('another registry has no trash');
  });
});

/** An image with a layer of three parts. */
async function pushLarge(repository: string) {
  const image = newImage({}, 3 * part);
  await pushBlobs(site, repository, image);
  await putManifest(site, repository, '1', image.manifest);
  return image;
}

function sentParts(from: number): number {
  return proxy.seen.slice(from).filter(({ method }) => method === 'PATCH').length;
}
