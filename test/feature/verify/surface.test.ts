import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { loadConfig } from '../../../config/load.ts';
import { openBlobStore } from '../../../src/assembly/blob-store.ts';
import type { Digest } from '../../../src/oci/digest.ts';
import type { BlobDriver } from '../../../storage/blobs/driver.ts';
import { blobKey } from '../../../storage/blobs/layout.ts';
import { type GuardedBerth, admin, adminPassword, alice, aliceUser, apiOf, pushAs, startGuarded } from '../../support/access.ts';
import { call } from '../../support/call.ts';
import { runCommand } from '../../support/command.ts';
import { type FakeUpstream, startFakeUpstream } from '../../support/fake-upstream.ts';
import { type TestImage, digestOf } from '../../support/images.ts';
import { mirrorConfig } from '../../support/mirror.ts';
import { until } from '../../support/until.ts';
import { damage } from '../../support/verification.ts';

let upstream: FakeUpstream;
let peer: GuardedBerth;
let berth: GuardedBerth;
let driver: BlobDriver;
let removeConfig: () => Promise<void>;

beforeAll(async () => {
  upstream = await startFakeUpstream();
  peer = await startGuarded();
  const entry = (name: string, from: string, to: string) => ({ name, from, to, at: '00:00' });
  const sync = [
    entry('in', 'ghcr.io/in/**', 'team/in/**'),
    entry('out', 'team/out/**', 'ghcr.io/out/**'),
    entry('peer', 'peer.test/own/**', 'team/peer/**'),
    entry('locked', 'locked.test/own/**', 'team/locked/**'),
  ];
  const registries = {
    'peer.test': { url: peer.url, username: 'admin', password: adminPassword },
    'locked.test': { url: peer.url, username: 'admin', password: 'wrong' },
  };
  const { file, remove } = await mirrorConfig({ upstreams: { 'ghcr.io': { url: upstream.url } } }, { sync, registries });
  removeConfig = remove;
  berth = await startGuarded({ BERTH_CONFIG: file });
  driver = await openBlobStore(loadConfig({ file, environment: berth.environment }).storage.blobs);
  await berth.administration.createUser({ ...aliceUser, isAdmin: false });
}, 60_000);
afterAll(async () => {
  await driver.close();
  await berth.close();
  await peer.close();
  await upstream.close();
  await removeConfig();
});

const api = apiOf(() => berth);
const verify = (...words: readonly string[]) => runCommand(['verify', ...words], berth.environment);
const get = (path: string) => call(berth, 'GET', path, { headers: admin });
const flip = (digest: Digest) =>
  damage(driver, digest, (bytes) => Buffer.concat([Buffer.from([(bytes[0] ?? 0) ^ 1]), bytes.subarray(1)]));

/** Pulls the image, and waits until it is stored. */
async function pullMirrored(image: TestImage): Promise<void> {
  for (const path of [`manifests/${image.digest}`, `blobs/${digestOf(image.layer)}`, `blobs/${digestOf(image.config)}`])
    expect((await get(`/v2/ghcr.io/o/i/${path}`)).status).toBe(200);
  for (const digest of [image.digest, digestOf(image.layer), digestOf(image.config)])
    await until(async () => (await berth.metadata.blobs.find(digest)) !== undefined);
}

describe('berth verify', () => {
  test('names damaged blobs beside a running server, which serves them after a push', async () => {
    const image = await pushAs(berth, admin, 'team/app', '1.0');
    const layer = digestOf(image.layer);
    expect(await verify('--deep')).toMatchObject({ code: 0, stdout: expect.stringContaining('blobs and manifests verified') });
    await flip(layer);
    const { code, stdout, stderr } = await verify('--deep', '--json');
    expect([code, stderr]).toEqual([1, expect.stringContaining('1 are corrupt and are not served')]);
    const finding = { digest: layer, problem: 'wrong_digest', images: ['team/app:1.0 (linux/amd64)'], repairError: null };
    expect(JSON.parse(stdout)).toMatchObject({ corrupt: [finding], unreadable: [], repaired: [] });
    expect((await get(`/v2/team/app/blobs/${layer}`)).codes()).toEqual(['BLOB_UNKNOWN']);
    await call(berth, 'POST', `/v2/team/app/blobs/uploads/?digest=${layer}`, { headers: admin, body: image.layer });
    expect((await get(`/v2/team/app/blobs/${layer}`)).status).toBe(200);
    expect(await verify('--quick', '--repository', 'team/**')).toMatchObject({ code: 0 });
  });

  test('fetches damaged blobs and manifests of mirrored repositories again', async () => {
    const image = upstream.addImage('o/i', '1', 5000);
    await pullMirrored(image);
    for (const digest of [digestOf(image.layer), image.digest]) await flip(digest);
    expect((await verify('--deep')).code).toBe(1);
    const { code, stdout } = await verify('--quick', '--repair', '--json');
    const { repaired, corrupt } = JSON.parse(stdout) as { repaired: string[]; corrupt: unknown[] };
    expect([code, new Set(repaired), corrupt]).toEqual([0, new Set([digestOf(image.layer), image.digest]), []]);
    await pullMirrored(image);
    expect((await verify('--deep', '--repository', 'ghcr.io/**')).code).toBe(0);
  });

  test('a pull of a damaged mirrored blob fetches it again', async () => {
    const image = upstream.addImage('o/i', '2', 5000);
    await pullMirrored(image);
    await flip(digestOf(image.layer));
    expect((await verify('--deep')).code).toBe(1);
    expect((await get(`/v2/ghcr.io/o/i/blobs/${digestOf(image.layer)}`)).body.equals(image.layer)).toBe(true);
    await until(async () => (await berth.metadata.corruptContent.count(1)) === 0);
    expect((await verify('--deep')).code).toBe(0);
  });

  test('fetches a damaged pushed blob from the upstream that is named', async () => {
    const image = await pushAs(berth, admin, 'team/from', '1.0');
    const layer = digestOf(image.layer);
    await flip(layer);
    expect((await verify('--deep', '--repair')).stderr).toContain(
      `${layer}: it was pushed: name a repository that has it with --from`,
    );
    expect((await verify('--quick', '--from', 'ghcr.io/o/none')).stderr).toContain(`${layer}: ghcr.io/o/none:`);
    upstream.addBlob('o/copy', image.layer);
    expect((await verify('--quick', '--from', 'ghcr.io/o/copy')).code).toBe(0);
    expect((await get(`/v2/team/from/blobs/${layer}`)).body.equals(image.layer)).toBe(true);
  });

  test.each(['in', 'out'])(
    'fetches damaged blobs and manifests again from a registry that sync copies from or to (%s)',
    async (direction) => {
      const image = await pushAs(berth, admin, `team/${direction}/app`, '1.0');
      const [layer, manifest] = [digestOf(image.layer), image.digest];
      const pushedAt = async () => (await berth.metadata.catalogEntries.listNamed([`team/${direction}/app`]))[0]?.pushedAt;
      const before = await pushedAt();
      for (const digest of [layer, manifest]) await flip(digest);
      upstream.addManifest(`${direction}/app`, '1.0', image.manifest);
      upstream.addBlob(`${direction}/app`, Buffer.from('not the layer'));
      const failed = await verify('--deep', '--repair');
      expect(failed.stderr).toContain(`${layer}: ghcr.io/${direction}/app: `);
      upstream.addBlob(`${direction}/app`, image.layer);
      const { code, stdout } = await verify('--quick', '--repair', '--json');
      expect([code, JSON.parse(stdout)]).toEqual([0, expect.objectContaining({ corrupt: [], repaired: [layer] })]);
      expect((await verify('--deep', '--repository', `team/${direction}/**`)).code).toBe(0);
      expect((await get(`/v2/team/${direction}/app/blobs/${layer}`)).body.equals(image.layer)).toBe(true);
      expect(await pushedAt()).toBe(before);
    },
  );

  test('fetches damaged blobs again from another berth, with the login and for the repositories of its entry alone', async () => {
    const names = ['peer', 'locked', 'alone'] as const;
    const images = await Promise.all(names.map((name) => pushAs(peer, admin, 'own/app', name)));
    const layers = images.map(({ layer }) => layer);
    const [repaired, locked, alone] = layers.map((layer) => digestOf(layer)) as [Digest, Digest, Digest];
    for (const [at, name] of names.entries()) await pushAs(berth, admin, `team/${name}/app`, '1.0', images[at]);
    for (const layer of layers) await flip(digestOf(layer));
    const { code, stdout, stderr } = await verify('--deep', '--repair', '--json');
    expect([code, JSON.parse(stdout)]).toMatchObject([1, { repaired: [repaired] }]);
    expect((await get(`/v2/team/peer/app/blobs/${repaired}`)).body.equals(layers[0] ?? Buffer.alloc(0))).toBe(true);
    // The registry has the other two also: it refuses the wrong login, and is no source for a repository without an entry.
    expect(stderr).toMatch(new RegExp(`${locked}: locked\\.test/own/app: .*(login|credentials|401)`));
    expect(stderr).toContain(`${alone}: it was pushed: name a repository`);
    expect((await verify('--quick', '--from', 'peer.test/own/app')).stderr).toContain('it mirrors no upstream');
    for (const [at, layer] of [...layers.entries()].slice(1)) {
      const path = `/v2/team/${names[at]}/app/blobs`;
      expect((await get(`${path}/${digestOf(layer)}`)).codes()).toEqual(['BLOB_UNKNOWN']);
      await call(berth, 'POST', `${path}/uploads/?digest=${digestOf(layer)}`, { headers: admin, body: layer });
    }
    expect((await verify('--deep', '--repository', 'team/**')).code).toBe(0);
  });

  test('compares the store with the records, and lets the collector delete orphans', async () => {
    const orphan = digestOf('orphan');
    await driver.put(blobKey(orphan), Buffer.from('orphan'));
    const settings = { ...berth.environment, BERTH_GARBAGE_COLLECTION_GRACE: '0s' };
    const compare = (...words: readonly string[]) => runCommand(['verify', '--orphans', '--json', ...words], settings);
    const { code, stdout } = await compare();
    expect([code, JSON.parse(stdout)]).toEqual([0, [{ problem: 'orphan', content: orphan, sizeBytes: 6 }]]);
    expect((await compare('--delete-orphans')).stderr).toContain('the garbage collection of a running server deletes them');
    const step = { now: Date.now(), limit: 1000, purger: 'test', until: Date.now() + 1000 };
    expect((await berth.metadata.collection.step(step)).purges).toMatchObject([{ digest: orphan }]);
  });

  test.each([
    [['--quick', '--deep'], 'exclude each other'],
    [['--sample', '0%'], 'must be a percentage from 1% to 100%'],
    [['--delete-orphans'], 'needs --orphans'],
    [['--repository', 'UPPER'], 'is not a pattern of repositories'],
    [['--from', '!'], 'is not the name of a mirrored repository'],
    [['--bandwidth', 'fast'], '--bandwidth must be'],
  ])('%j is refused', async (words, message) => {
    expect(await verify(...words)).toMatchObject({ code: 2, stderr: expect.stringContaining(message) });
  });
});

describe('verification over the API', () => {
  test('an admin asks for a verification and reads the results', async () => {
    const image = await pushAs(berth, admin, 'team/api', '1.0');
    expect((await api('POST', '/verify', { depth: 'deep', sample: 50, repositories: 'team/**' })).status).toBe(204);
    expect((await api('GET', '/verify')).json()).toMatchObject({
      coverage: 1,
      corrupt: 0,
      run: { depth: 'deep', sample: 50, repositories: 'team/**', requestedBy: 'admin', checked: 0, endedAt: null },
    });
    await flip(image.digest);
    await verify('--deep', '--repository', 'team/api');
    expect((await api('GET', '/verify/corrupt?limit=1')).json()).toMatchObject({
      items: [
        {
          digest: image.digest,
          problem: 'wrong_digest',
          images: [{ repository: 'team/api', tags: ['1.0'], platform: null }],
        },
      ],
    });
  });

  test('wrong requests and other accounts are refused', async () => {
    expect((await api('POST', '/verify', { depth: 'deep', sample: 0 })).status).toBe(400);
    for (const path of ['/verify', '/verify/corrupt']) expect((await api('GET', path, undefined, alice)).status).toBe(403);
  });
});
