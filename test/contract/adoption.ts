import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { loadConfig } from '../../config/load.ts';
import { openConsumers } from '../../src/assembly/maintenance/event-consumers.ts';
import { adopt } from '../../src/maintenance/adopt/adopt.ts';
import type { AdoptOptions } from '../../src/maintenance/adopt/parts.ts';
import { finishAdoption } from '../../src/maintenance/adopt/finish.ts';
import { createAdoption } from '../../src/maintenance/adopt/report.ts';
import { mediaTypes } from '../../src/oci/media-types.ts';
import type { Digest } from '../../src/oci/digest.ts';
import type { RepositoryName } from '../../src/oci/reference.ts';
import { layerLink, linksMarker, repositoriesPrefix, revisionLink } from '../../storage/blobs/distribution-links.ts';
import { type BlobDriver, objectKey } from '../../storage/blobs/driver.ts';
import { blobKey } from '../../storage/blobs/layout.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import { type DistributionStore, createDistributionStore } from '../support/distribution-store.ts';
import { descriptor, digestOf, newImage, newIndex } from '../support/images.ts';
import { newManifest } from '../support/new-manifest.ts';
import { testCache } from './adoption-cache.ts';

/** An empty blob store and an empty metadata store. */
export interface AdoptionStores {
  readonly driver: BlobDriver;
  readonly metadata: MetadataStore;
  dispose(): Promise<void>;
}

/** Stores of the running test. */
export interface CurrentAdoption extends AdoptionStores {
  readonly store: DistributionStore;
}

const never = new AbortController().signal;
const pageSize = 4;

export function run({ driver, metadata }: AdoptionStores, options: Partial<AdoptOptions> = {}): Promise<void> {
  const defaults = { now: Date.now, maxManifestBytes: 1_000_000, includesCache: false, signal: never, pageSize };
  return adopt({ driver, metadata, ...defaults, onProgress: () => undefined, ...options });
}

export function finish({ driver, metadata }: AdoptionStores, at = Date.now()): Promise<void> {
  return finishAdoption({ driver, metadata, writesLinks: true, author: { actor: 'test', address: '', at } });
}

/** Everything that repositories have, as text. */
export async function contentOf({ metadata }: AdoptionStores): Promise<readonly string[]> {
  const found: string[] = [];
  for (const repository of await metadata.repositories.list('', 1000)) {
    const tags = await metadata.distribution.listTags(repository, '', 1000);
    const manifests = await metadata.distribution.listManifests(repository, '', 1000);
    const blobs = await metadata.distribution.listBlobs(repository, '', 1000);
    found.push(...tags.map(({ name, digest }) => `${repository}:${name} ${digest}`));
    found.push(...manifests.map((digest) => `${repository} manifest ${digest}`));
    found.push(...blobs.map((digest) => `${repository} blob ${digest}`));
  }
  return found;
}

/** Oddities as `kind path`, without the folder of the repositories. */
export async function odditiesOf({ metadata }: AdoptionStores): Promise<readonly string[]> {
  const found = await createAdoption(metadata).listOddities(undefined, 1000);
  return found.map(({ kind, path }) => `${kind} ${path.replace(repositoriesPrefix, '')}`).sort();
}

/** Paths, sizes and times of everything below `docker/`. */
export async function filesOf({ driver }: AdoptionStores): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const { path, sizeBytes, modifiedAt } of driver.listEntries('docker/'))
    found.push(`${path} ${sizeBytes} ${modifiedAt.getTime()}`);
  return found;
}

const app = 'team/app' as RepositoryName;
const path = (bytes: string | Uint8Array) => digestOf(bytes).replace(':', '/');

/** Tests an adoption over one pair of stores. */
export function describeAdoption(name: string, make: () => Promise<AdoptionStores>): void {
  describe(`an adoption over ${name}`, () => {
    const current = {} as CurrentAdoption;

    beforeEach(async () => {
      const stores = await make();
      Object.assign(current, stores, { store: createDistributionStore(stores.driver) });
    });
    afterEach(() => current.dispose());

    testContent(current);
    testOddities(current);
    testCache(current);
    testFurtherRuns(current);
    testFinish(current);
    testQuotas(current);
  });
}

function testContent(current: CurrentAdoption): void {
  test('records tags, manifests and blobs with the times of their links, and changes nothing in the store', async () => {
    const { store, driver, metadata } = current;
    const image = await store.putImage('team/app', '1.0', { annotations: { 'org.opencontainers.image.title': 'one' } });
    const other = await store.putImage('team/app', '2.0');
    const index = newIndex([image, other]);
    await store.putTag('team/app', 'multi', await store.putManifest('team/app', index));
    const large = await store.putLayer('blobs-only', 'sha512', 'sha512');
    const before = await filesOf(current);
    await run(current);
    expect(await filesOf(current)).toEqual(before);
    expect((await contentOf(current)).filter((line) => !line.includes(' blob '))).toEqual([
      `team/app:1.0 ${image.digest}`,
      `team/app:2.0 ${other.digest}`,
      `team/app:multi ${digestOf(index)}`,
      ...[image.digest, other.digest, digestOf(index)].sort().map((digest) => `team/app manifest ${digest}`),
    ]);
    expect(await metadata.blobs.findLink('blobs-only' as RepositoryName, large)).toEqual({ sizeBytes: 6 });
    expect(await metadata.blobs.findLink(app, digestOf(image.layer))).toEqual({ sizeBytes: 64 });
    const { modifiedAt } = await driver.stat(revisionLink('team/app', digestOf(index)));
    const { repositoryId = 0 } = (await metadata.retentionContent.findRepository(app)) ?? {};
    const recorded = await metadata.retentionContent.listManifests(repositoryId, '' as Digest, 10);
    const pushed = recorded.find((one) => one.digest === digestOf(index));
    expect(Math.abs(Number(pushed?.pushedAt) - modifiedAt.getTime())).toBeLessThan(1000);
    expect(await odditiesOf(current)).toEqual([]);
    expect(await createAdoption(metadata).find()).toMatchObject({
      part: 1,
      tags: 3,
      manifests: 3,
      layers: 5,
      blobs: 8,
      finishedAt: null,
    });
  });

  test('continues wherever it was interrupted, and ends with the same content', async () => {
    const { store } = current;
    for (const repository of ['a', 'a/sub', 'a-b', 'zoo/one']) {
      await store.putImage(repository, '1');
      await store.putImage(repository, '2');
    }
    await store.putFile('a/_uploads/1/data', 'half');
    await store.putFile('a/_uploads/1/startedat', 'now');
    let pages = 0;
    let interruptions = 0;
    const interrupted = async (after: number) => {
      pages = 0;
      await run(current, {
        onProgress: () => {
          if (++pages > after) throw new Error('interrupted');
        },
      });
    };
    const isInterrupted = (error: unknown) => {
      if (error instanceof Error && error.message === 'interrupted') return true;
      throw error;
    };
    while (await interrupted(interruptions % 3).then(() => false, isInterrupted)) interruptions++;
    expect(interruptions).toBeGreaterThan(10);
    const resumed = await contentOf(current);
    const oddities = await odditiesOf(current);
    expect(resumed.filter((line) => line.includes(':1 ') || line.includes(':2 '))).toHaveLength(8);
    await run(current);
    expect(await contentOf(current)).toEqual(resumed);
    expect(oddities).toEqual(['unfinished-upload a/_uploads/1/']);
    expect(await odditiesOf(current)).toEqual(oddities);
  });
}

function testOddities(current: CurrentAdoption): void {
  test('has a line for each oddity of a link, and adopts the rest', async () => {
    const { store } = current;
    const sound = await store.putImage('team/app', 'sound');
    await store.putFile(`team/app/_manifests/tags/empty/current/link`, '');
    await store.putFile(`team/app/_manifests/tags/break/current/link`, `${sound.digest}\n`);
    await store.putFile(`team/app/_manifests/tags/text/current/link`, 'latest');
    await store.putFile(`team/app/_manifests/tags/gone/current/link`, digestOf('gone'));
    await store.putFile(`team/app/_manifests/tags/half/index/${path(sound.manifest)}/link`, sound.digest);
    await store.putFile(`team/app/_layers/${path('never')}/link`, digestOf('never'));
    await store.putFile(`team/app/_layers/${path(sound.layer)}/.nfs0001`, 'x');
    await store.putFile(`team/app/_layers/${path(sound.config)}/link`, '');
    await store.putFile(`team/app/_manifests/revisions/${path('lost')}/link`, digestOf('lost'));
    await store.putFile(`Upper/_layers/${path(sound.layer)}/link`, sound.digest);
    await store.putFile(`Upper/_layers/${path('2')}/link`, sound.digest);
    await run(current);
    expect(await odditiesOf(current)).toEqual([
      'damaged-link team/app/_manifests/tags/text/current/link',
      `empty-link team/app/_layers/${path(sound.config)}/link`,
      'empty-link team/app/_manifests/tags/empty/current/link',
      `foreign-file team/app/_layers/${path(sound.layer)}/.nfs0001`,
      'link-with-line-break team/app/_manifests/tags/break/current/link',
      `missing-blob team/app/_layers/${path('never')}/link`,
      `missing-manifest team/app/_manifests/revisions/${path('lost')}/link`,
      expect.stringMatching(/^refused-name Upper\/_layers\/sha256/),
      'tag-without-current team/app/_manifests/tags/half/current/link',
      'tag-without-manifest team/app/_manifests/tags/gone/current/link',
    ]);
    const tags = await current.metadata.distribution.listTags(app, '', 10);
    expect(tags.map(({ name }) => name)).toEqual(['break', 'sound']);
    expect(await current.metadata.blobs.findLink(app, digestOf(sound.config))).toBeDefined();
  });

  test('has a line for each oddity of a manifest, and serves what can be served', async () => {
    const { store, driver, metadata } = current;
    const manifest = async (text: string) => {
      const digest = await store.putManifest('team/app', text);
      await store.putTag('team/app', digest.slice(7, 17), digest);
      return digest;
    };
    const layer = await store.putLayer('team/app', 'a layer');
    const bare = { schemaVersion: 2 };
    const withoutType = await manifest(JSON.stringify({ ...bare, config: descriptor('a layer'), layers: [] }));
    const schema1 = await manifest(JSON.stringify({ schemaVersion: 1, name: 'team/app', fsLayers: [] }));
    const cache = await manifest(
      JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [descriptor('a layer')] }),
    );
    const sparse = await manifest(newIndex([newImage()]));
    const damaged = await manifest(newImage().manifest);
    await driver.put(blobKey(damaged), Buffer.from('{}'));
    const invalid = await manifest('no JSON');
    const wrong = await manifest(
      JSON.stringify({ ...bare, mediaType: mediaTypes.ociManifest, config: { ...descriptor('a layer'), size: 8 }, layers: [] }),
    );
    await run(current);
    const link = (digest: string) => `team/app/_manifests/revisions/${digest.replace(':', '/')}/link`;
    const tagLink = (digest: string) => `team/app/_manifests/tags/${digest.slice(7, 17)}/current/link`;
    expect(await odditiesOf(current)).toEqual(
      [
        `no-media-type ${link(withoutType)}`,
        `schema-1 ${link(schema1)}`,
        `index-of-layers ${link(cache)}`,
        `missing-content ${link(sparse)}`,
        `damaged-manifest ${link(damaged)}`,
        `invalid-manifest ${link(invalid)}`,
        `wrong-size ${link(wrong)}`,
        ...[schema1, damaged, invalid].map((digest) => `tag-without-manifest ${tagLink(digest)}`),
      ].sort(),
    );
    expect((await metadata.manifests.findByDigest(app, withoutType))?.mediaType).toBe(mediaTypes.ociManifest);
    expect((await metadata.manifests.findByDigest(app, cache))?.mediaType).toBe(mediaTypes.ociIndex);
    expect(await metadata.blobs.findLink(app, layer)).toEqual({ sizeBytes: 7 });
    expect(await metadata.distribution.listTags(app, '', 10)).toHaveLength(4);
  });

  test('refuses a pull-through cache unless it is asked for, and names GitLab and Harbor', async () => {
    const { store, driver } = current;
    const digest = await store.putManifest('team/app', newIndex([]));
    await driver.put(objectKey('scheduler-state.json'), Buffer.from('{}'));
    await driver.put(objectKey('docker/registry/lockfiles/database-in-use'), Buffer.from(''));
    await expect(run(current)).rejects.toThrow('pull-through cache');
    expect(await contentOf(current)).toEqual([]);
    await run(current, { includesCache: true });
    expect(await contentOf(current)).toEqual([`team/app manifest ${digest}`]);
    expect(await odditiesOf(current)).toEqual([
      'database-of-gitlab docker/registry/lockfiles/database-in-use',
      'no-tags ',
      'proxy-cache scheduler-state.json',
    ]);
  });

  test('refuses an empty store, also one that was adopted before', async () => {
    await expect(run(current)).rejects.toThrow('no repositories');
    await current.store.putImage('team/app', '1');
    await run(current);
    const content = await contentOf(current);
    for await (const key of current.driver.list('docker/')) await current.driver.delete([key]);
    await expect(run(current)).rejects.toThrow('no repositories');
    expect(await contentOf(current)).toEqual(content);
  });
}

function testFurtherRuns(current: CurrentAdoption): void {
  test('a further run follows pushes, moves and deletions of the other registry, and reads only changed links', async () => {
    const { store, driver } = current;
    const kept = await store.putImage('team/app', 'kept');
    const removed = await store.putImage('team/app', 'removed');
    await store.putTag('team/app', 'moved', kept.digest);
    await run(current);
    const added = await store.putImage('team/new', '1');
    const next = await store.putImage('team/app', 'moved');
    await store.removeTag('team/app', 'removed');
    await store.removeFile(`team/app/_manifests/revisions/${path(removed.manifest)}/link`);
    const reads: string[] = [];
    await run(current, { driver: { ...driver, read: (key) => (reads.push(key), driver.read(key)) } });
    expect((await contentOf(current)).filter((line) => !line.includes(' blob '))).toEqual([
      `team/app:kept ${kept.digest}`,
      `team/app:moved ${next.digest}`,
      ...[kept.digest, next.digest].sort().map((digest) => `team/app manifest ${digest}`),
      `team/new:1 ${added.digest}`,
      `team/new manifest ${added.digest}`,
    ]);
    const tagLinks = ['team/app/_manifests/tags/moved/current/link', 'team/new/_manifests/tags/1/current/link'];
    expect(reads.sort()).toEqual(
      [...tagLinks.map((link) => repositoriesPrefix + link), blobKey(added.digest), blobKey(next.digest)].sort(),
    );
    expect(await odditiesOf(current)).toEqual([]);
  });

  test('a tag that was moved in both registries stays where the later move has put it', async () => {
    const { store, metadata } = current;
    const first = await store.putImage('team/app', 'here');
    await store.putTag('team/app', 'there', first.digest);
    await run(current);
    const other = await store.putImage('team/app', 'other');
    await run(current);
    const point = (tag: string, at: number) =>
      metadata.manifests.put({
        repository: app,
        digest: other.digest,
        mediaType: mediaTypes.ociManifest,
        sizeBytes: other.manifest.length,
        artifactType: null,
        subject: null,
        annotations: null,
        blobs: [],
        children: [],
        acceptMissing: true,
        tags: [tag],
        now: at,
        author: { actor: '', address: '', at },
      });
    await point('here', Date.now() + 3_600_000);
    await point('there', 1);
    const third = await store.putImage('team/app', 'third');
    for (const tag of ['here', 'there']) await store.putTag('team/app', tag, third.digest);
    await run(current);
    expect(await metadata.distribution.findTag(app, 'here')).toBe(other.digest);
    expect(await metadata.distribution.findTag(app, 'there')).toBe(third.digest);
    expect(await odditiesOf(current)).toEqual(
      ['here', 'there'].map((tag) => `moved-tag team/app/_manifests/tags/${tag}/current/link`),
    );
  });

  test('a link that was damaged is read again when it is whole', async () => {
    const { store } = current;
    const image = await store.putImage('team/app', '1');
    await store.putImage('team/app', '2');
    await store.putFile('team/app/_manifests/tags/1/current/link', '');
    await run(current);
    expect(await odditiesOf(current)).toEqual(['empty-link team/app/_manifests/tags/1/current/link']);
    await store.putTag('team/app', '1', image.digest);
    await run(current);
    expect(await current.metadata.distribution.findTag(app, '1')).toBe(image.digest);
    expect(await odditiesOf(current)).toEqual([]);
  });
}

function testFinish(current: CurrentAdoption): void {
  const step = (now: number) => {
    const options = { now, limit: 100, purger: 'collector', until: now + 1000 };
    return current.metadata.collection.step(options);
  };

  test('nothing is collected before the adoption is finished', async () => {
    const { store, metadata } = current;
    await store.putImage('team/app', '1');
    const unused = await store.putLayer('team/app', 'unused');
    await run(current);
    const later = Date.now() + 90 * 24 * 3_600_000;
    await metadata.collectionAudit.audit({ part: 'links', repositoryId: 0, digest: '' }, 100, Date.now());
    expect(await step(later)).toMatchObject({ reviewed: 0, unlinked: 0, purges: [] });
    expect(await metadata.mirrorSpace.evict(unused, later)).toBe(false);
    await finish(current);
    expect(await step(later)).toMatchObject({ unlinked: 1 });
    expect((await step(later)).purges.map(({ digest }) => digest)).toEqual([unused]);
  });

  test("the end of an adoption restarts the recording of pulls, marks the links as berth's, and is final", async () => {
    const { store, driver, metadata } = current;
    const image = await store.putImage('team/app', '1');
    await metadata.pulls.start(1);
    await expect(finish(current)).rejects.toThrow('no run of the adoption is complete');
    await run(current);
    await finish(current, 5000);
    expect(await metadata.pulls.findStart()).toBe(5000);
    expect(await driver.stat(linksMarker)).toBeDefined();
    expect(await metadata.events.findConsumer('links')).toBeDefined();
    expect((await metadata.collectionState.find()).auditedAt).toBeNull();
    await expect(run(current)).rejects.toThrow('the adoption is finished');
    await finish(current, 6000);
    expect(await metadata.pulls.findStart()).toBe(5000);
    expect(await metadata.adoptionLinks.list('', '~', 10)).toEqual([]);
    expect(await metadata.distribution.findTag(app, '1')).toBe(image.digest);
    expect(layerLink('team/app', digestOf(image.layer))).toBeDefined();
  });

  test('links follow every push to berth, also those before the adoption and if a server starts beside its end', async () => {
    const { store, driver, metadata } = current;
    const image = await store.putImage('team/app', '1');
    const times = { now: 1, author: { actor: 'test', address: '', at: 1 } };
    const early = { repository: 'early' as RepositoryName, digest: image.digest, tags: ['1'], ...times };
    await metadata.manifests.put(newManifest(early));
    const first = await metadata.events.lastSettled();
    await metadata.events.addConsumer('links');
    await run(current);
    /** Starts a server that saw no marker when it looked at the store. */
    const startServer = async (metadata = current.metadata) => {
      const metrics = { events: { watch: () => undefined }, webhooks: undefined } as never;
      const parts = { driver, metadata, ownsLinks: false, images: neverCalled, log: undefined as never, metrics };
      const consumers = await openConsumers(loadConfig({ environment: {} }), { ...parts, leases: undefined, now: Date.now });
      await consumers.close(0);
    };
    await startServer();
    expect(await metadata.events.findConsumer('links')).toBeUndefined();
    // A start writes nothing where there is nothing to remove: the store may be read-only.
    await startServer({ ...metadata, events: { ...metadata.events, removeConsumerBeforeAdoption: neverCalled } });
    await finish(current);
    await startServer();
    expect((await metadata.events.findConsumer('links'))?.position).toBeLessThan(first);
  });
}

function testQuotas(current: CurrentAdoption): void {
  test('adopted content counts in quotas, is never refused by them, and leaves no room for more', async () => {
    const { store, metadata } = current;
    const image = await store.putImage('team/app', '1');
    const countAll = async () => {
      const differences: unknown[] = [];
      while (await metadata.quotaCounting.isNeeded()) differences.push(...(await metadata.quotaCounting.step(3)));
      return differences;
    };
    const ruleOf = (name: string, per: 'namespace' | 'all', maxTags: number) =>
      ({ name, match: ['**'], per, maxBytes: 1, maxTags }) as const;
    await metadata.quotaRules.configure([ruleOf('teams', 'namespace', 1), ruleOf('all', 'all', 100)]);
    await countAll();
    await run(current);
    await countAll();
    await store.putTag('team/app', '2', image.digest);
    await run(current);
    await finish(current);
    await countAll();
    const [use, ...others] = await metadata.quotaStatus.listOf(app);
    expect([use, others]).toMatchObject([{ tags: 2, isCounting: false }, [{ tags: 2, usedBytes: use?.usedBytes }]]);
    const put = (repository: RepositoryName, tag: string) => {
      const times = { now: 1, author: { actor: 'test', address: '', at: 1 } };
      return metadata.manifests.put({
        ...newManifest({ repository, digest: image.digest, tags: [tag], ...times }),
        isLimited: true,
      });
    };
    await expect(put(app, 'new')).rejects.toMatchObject({ reason: { kind: 'exceeded', excess: { used: 2, needed: 1 } } });
    await metadata.quotaRules.recount();
    expect(await countAll()).toEqual([]);
  });
}

const neverCalled = () => Promise.reject(new Error('this is not called'));
