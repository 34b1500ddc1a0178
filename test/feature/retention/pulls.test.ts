import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { loadConfig } from '../../../config/load.ts';
import { openMetadata } from '../../../src/assembly/metadata-store.ts';
import { createPulls } from '../../../src/registry/pulls.ts';
import { createManifests } from '../../../src/registry/manifests.ts';
import { mediaTypes } from '../../../src/oci/media-types.ts';
import type { Digest } from '../../../src/oci/digest.ts';
import type { RepositoryName } from '../../../src/oci/reference.ts';
import type { Pull } from '../../../storage/metadata/queries/pulls.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { openBlobStore } from '../../../src/assembly/blob-store.ts';
import { type TestBerth, startBerth } from '../../support/berth.ts';
import { call } from '../../support/call.ts';
import { plain } from '../../support/plain.ts';
import { type TestImage, digestOf, newIndex, pushImage, putManifest } from '../../support/images.ts';

const hour = 3_600_000;

describe('A pull, GET or HEAD, by tag or digest, counts for the manifest, its parents and their tags; our own reads never do', () => {
  let berth: TestBerth;
  let images: readonly TestImage[];
  let index: string;

  beforeAll(async () => {
    berth = await startBerth();
    images = [await pushImage(berth, 'app', 'amd64'), await pushImage(berth, 'app', 'arm64'), await pushImage(berth, 'app', 'x')];
    index = newIndex(images.slice(0, 2));
    await putManifest(berth, 'app', '1.0', index, mediaTypes.ociIndex);
  });
  afterAll(() => berth.close());

  /** Stops berth, which writes what it has gathered, and resolves to whether a pull of each manifest is recorded. */
  async function recorded(...digests: readonly string[]): Promise<readonly boolean[]> {
    berth = await berth.restart();
    const metadata = await openMetadata(loadConfig({ environment: berth.environment }));
    try {
      const found = await Promise.all(digests.map((digest) => plain(metadata).pulls.find('app', digest)));
      return found.map((pulledAt) => pulledAt !== undefined);
    } finally {
      await metadata.close();
    }
  }
  const digestsOfAll = () => [...images.map(({ digest }) => digest), digestOf(index)];

  test('a push and reads of berth itself count for nothing', async () => {
    const config = loadConfig({ environment: berth.environment });
    const [driver, metadata] = [await openBlobStore(config.storage.blobs), await openMetadata(config)];
    const manifests = createManifests({ driver, metadata, now: Date.now, acceptMissing: false });
    const { digest, sizeBytes } = await manifests.find('app' as RepositoryName, { digest: images[0]?.digest as Digest });
    await manifests.bytes(digest, sizeBytes);
    await metadata.close();
    await driver.close();
    expect(await recorded(...digestsOfAll())).toEqual([false, false, false, false]);
  });

  test('a GET of one platform by its digest counts for it and for its index, and not for the other platform', async () => {
    expect((await call(berth, 'GET', `/v2/app/manifests/${images[0]?.digest ?? ''}`)).status).toBe(200);
    expect(await recorded(...digestsOfAll())).toEqual([true, false, false, true]);
  });

  test('a HEAD by tag counts, and a GET of a blob does not', async () => {
    await call(berth, 'GET', `/v2/app/blobs/${digestOf(images[1]?.config ?? '')}`);
    expect((await call(berth, 'HEAD', '/v2/app/manifests/x')).status).toBe(200);
    expect(await recorded(...digestsOfAll())).toEqual([true, false, true, true]);
  });

  test('the API and the page show the last pull of a tag, right to an hour, and none where no pull is recorded', async () => {
    await call(berth, 'GET', '/v2/app/manifests/x');
    berth = await berth.restart();
    const { items } = (await call(berth, 'GET', '/api/v1/tags?repository=app')).json() as {
      readonly items: readonly { readonly name: string; readonly pulledAt: string | null }[];
    };
    const pulledAt = items.find(({ name }) => name === 'x')?.pulledAt ?? '';
    expect(Math.abs(Date.now() - Date.parse(pulledAt))).toBeLessThanOrEqual(hour);
    expect(items.find(({ name }) => name === 'arm64')?.pulledAt).toBeNull();
    const page = (await call(berth, 'GET', '/ui/r/app')).body.toString();
    expect(page).toContain(`datetime="${pulledAt}"`);
  });

  test('the time of the first start is kept as the start of the recording', async () => {
    const metadata = await openMetadata(loadConfig({ environment: berth.environment }));
    const startedAt = await metadata.pulls.findStart();
    await metadata.close();
    berth = await berth.restart();
    const again = await openMetadata(loadConfig({ environment: berth.environment }));
    expect([await again.pulls.findStart(), startedAt === undefined]).toEqual([startedAt, false]);
    await again.close();
  });
});

describe('the recording of pulls', () => {
  let now = 10 * hour;
  const written: Pull[] = [];
  const failures: unknown[] = [];
  let failing = false;
  const metadata = {
    pulls: {
      findStart: () => Promise.resolve(1),
      record(pulls: readonly Pull[]) {
        if (failing) return Promise.reject(new Error('away'));
        written.push(...pulls);
        return Promise.resolve();
      },
    },
  } as unknown as Pick<MetadataStore, 'pulls'>;
  const pulls = plain(
    createPulls({
      metadata,
      now: () => now,
      ignoredAccounts: ['scanner'],
      onPullsNotRecorded: (error) => failures.push(error),
    }),
  );
  async function takeWritten(): Promise<readonly string[]> {
    await pulls.flush();
    return written.splice(0).map(({ repository, digest, at }) => `${repository} ${digest} ${at / hour}`);
  }

  test('writes nothing before the batch, and a manifest at most once an hour', async () => {
    pulls.add('app', 'd1', '');
    pulls.add('app', 'd1', 'alice');
    pulls.add('web', 'd1', '');
    expect(written).toEqual([]);
    expect(await takeWritten()).toEqual(['app d1 10', 'web d1 10']);
    now = 11 * hour - 1;
    pulls.add('app', 'd1', '');
    expect(await takeWritten()).toEqual([]);
    now = 11 * hour;
    pulls.add('app', 'd1', '');
    expect(await takeWritten()).toEqual(['app d1 11']);
  });

  test('passes over the accounts of retention.ignorePullsBy', async () => {
    pulls.add('app', 'd2', 'scanner');
    expect(await takeWritten()).toEqual([]);
    pulls.add('app', 'd2', 'bob');
    expect(await takeWritten()).toEqual(['app d2 11']);
  });

  test('records the next pull of a manifest whose record failed', async () => {
    failing = true;
    pulls.add('app', 'd3', '');
    expect([await takeWritten(), failures.length]).toEqual([[], 1]);
    failing = false;
    pulls.add('app', 'd3', '');
    expect(await takeWritten()).toEqual(['app d3 11']);
  });

  test('writes a full batch at once', async () => {
    for (let number = 0; number < 1000; number++) pulls.add('many', `d${number}`, '');
    await new Promise((resolve) => setImmediate(resolve));
    expect(written.splice(0)).toHaveLength(1000);
  });
});
