import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mediaTypes } from '../../../src/oci/media-types.ts';
import { type GuardedBerth, admin, alice, apiOf, callAs, startWithAlice } from '../../support/access.ts';
import { craneEntries, dockerEntries, legacyEntries, ociArchive, ociEntries } from '../../support/archives.ts';
import { type Answer, call } from '../../support/call.ts';
import { runCommand } from '../../support/command.ts';
import { digestOf } from '../../support/images.ts';
import { realImage } from '../../support/real-image.ts';
import { tarOf } from '../../support/tar.ts';

let berth: GuardedBerth;
const api = apiOf(() => berth);

beforeAll(async () => {
  berth = await startWithAlice({ BERTH_TAGS_IMMUTABLE: '**:stable' });
  await berth.administration.grant('user:alice', 'team/**', 'pull,push');
  await berth.administration.grant('user:alice', 'readable', 'pull');
});
afterAll(() => berth.close());

interface Shown {
  readonly id: string;
  readonly images: readonly {
    readonly names: readonly string[];
    readonly digest: string;
    readonly platforms: readonly string[];
    readonly missing: readonly string[];
    readonly note: string | null;
    readonly targets: readonly { readonly repository: string; readonly tag: string }[];
  }[];
}

const upload = (repository: string, body: Uint8Array, query = '', login: Readonly<Record<string, string>> = alice) =>
  call(berth, 'POST', `/api/v1/archives?repository=${repository}${query}`, {
    headers: { ...login, 'Content-Type': 'application/x-tar' },
    body,
  });

async function uploaded(repository: string, body: Uint8Array, query = ''): Promise<Shown> {
  const answer = await upload(repository, body, query);
  expect([answer.status, answer.status === 201 ? '' : answer.body.toString()]).toEqual([201, '']);
  return answer.json() as Shown;
}

const commit = (id: string, body: unknown = {}) => api('POST', `/archives/${id}/commit`, body, alice);

async function imported(repository: string, body: Uint8Array, query = ''): Promise<Shown> {
  const shown = await uploaded(repository, body, query);
  const answer = await commit(shown.id);
  expect([answer.status, answer.json()]).toMatchObject([200, {}]);
  return shown;
}

const pull = (path: string) => callAs(berth, alice, 'GET', `/v2/${path}`, { headers: { Accept: mediaTypes.ociManifest } });

interface Manifest {
  readonly config: { readonly digest: string };
  readonly layers: readonly { readonly digest: string; readonly mediaType: string; readonly size: number }[];
}

const manifestOf = async (path: string) => (await pull(path)).json() as Manifest;

const app = realImage({ hello: 'app\n', random: randomBytes(100_000) });
const other = realImage({ hello: 'other\n' });

test('an OCI layout keeps its manifests, also where the archive is compressed', async () => {
  const archive = ociArchive({ 'docker.io/library/app:1': app });
  for (const [tag, bytes] of Object.entries({ plain: archive, gzip: gzipSync(archive), zstd: zstdCompressSync(archive) })) {
    const shown = await uploaded(`team/${tag}`, bytes);
    expect(shown.images).toMatchObject([
      { names: ['docker.io/library/app:1'], digest: app.descriptor.digest, platforms: ['linux/amd64'], note: null },
    ]);
    expect(shown.images[0]?.targets).toEqual([{ repository: `team/${tag}`, tag: '1' }]);
    expect((await commit(shown.id)).json()).toEqual({
      items: [{ repository: `team/${tag}`, tag: '1', digest: app.descriptor.digest, missing: [] }],
    });
    expect((await pull(`team/${tag}/manifests/1`)).body.toString()).toBe(app.manifest);
    expect((await pull(`team/${tag}/blobs/${digestOf(app.compressed)}`)).body).toEqual(app.compressed);
  }
});

test('an archive of docker before 25 with symbolic links between layers gets manifests, and its image IDs stay', async () => {
  const same = { ...realImage({ hello: 'app\n' }), layer: other.layer };
  const config = other.config.replace('/hello', '/other');
  const entries = legacyEntries({ 'team/app:1': other, 'team/app:2': { ...same, config } });
  expect(entries.some(({ type }) => type === '2')).toBe(true);
  await imported('team/legacy', tarOf(entries));
  const [one, two] = [await manifestOf('team/legacy/manifests/1'), await manifestOf('team/legacy/manifests/2')];
  expect([one.config.digest, two.config.digest]).toEqual([digestOf(other.config), digestOf(config)]);
  expect(one.layers).toEqual(two.layers);
  expect(one.layers[0]?.mediaType).toBe('application/vnd.oci.image.layer.v1.tar+gzip');
  const layer = await pull(`team/legacy/blobs/${one.layers[0]?.digest}`);
  expect(gunzipSync(layer.body)).toEqual(other.layer);
});

test('an archive of docker 25 keeps its manifest, and compress=zstd makes one with compressed layers', async () => {
  const { entries, image } = dockerEntries('team/app:1', { hello: 'docker\n', text: 'a'.repeat(50_000) });
  await imported('team/docker', tarOf(entries));
  expect((await pull('team/docker/manifests/1')).body.toString()).toBe(image.manifest);
  const shown = await imported('team/zstd', tarOf(entries), '&compress=zstd');
  expect(shown.images[0]?.note).toContain('another digest');
  const { config, layers } = await manifestOf('team/zstd/manifests/1');
  expect(config.digest).toBe(digestOf(image.config));
  expect(layers).toMatchObject([{ mediaType: 'application/vnd.oci.image.layer.v1.tar+zstd' }]);
  expect(layers[0]?.size).toBeLessThan(2000);
});

test('an archive of crane keeps the image IDs and the compressed layers, also of an image that has a layer twice', async () => {
  const { config, manifest } = app;
  const [diffId, layer] = [digestOf(app.layer), JSON.stringify((JSON.parse(manifest) as Manifest).layers[0])];
  const twice = {
    ...app,
    config: config.replace(`"${diffId}"`, `"${diffId}","${diffId}"`),
    manifest: manifest.replace(layer, `${layer},${layer}`),
  };
  const shown = await imported(
    'team/crane',
    tarOf(craneEntries({ 'h.example:5000/x/app:1': app, 'h.example:5000/x/app:2': twice })),
  );
  expect(shown.images).toMatchObject([{ layers: 1 }, { layers: 2 }]);
  const both = [await manifestOf('team/crane/manifests/1'), await manifestOf('team/crane/manifests/2')];
  expect(both.map((image) => image.config.digest)).toEqual([digestOf(config), digestOf(twice.config)]);
  for (const { layers } of both) expect(new Set(layers.map(({ digest }) => digest))).toEqual(new Set([digestOf(app.compressed)]));
});

test('an image that crane pulled by its digest has no tag in the archive, and gets latest', async () => {
  const shown = await uploaded('team/digest', tarOf(craneEntries({ 'h.example/x/app:i-was-a-digest': app })));
  expect(shown.images[0]?.targets).toEqual([{ repository: 'team/digest', tag: 'latest' }]);
});

test('layers of an archive without manifests are stored as compress says', async () => {
  const archive = tarOf(legacyEntries({ 'team/app:1': other }));
  await imported('team/none', archive, '&compress=none');
  expect((await manifestOf('team/none/manifests/1')).layers).toMatchObject([
    { mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: digestOf(other.layer) },
  ]);
});

test('layers of several gzip members or zstd frames are stored as they are, and an archive may be compressed so, too', async () => {
  const { layer } = app;
  const [first, second] = [layer.subarray(0, 70_000), layer.subarray(70_000)];
  const skippable = Buffer.from([0x5e, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
  const zstd = Buffer.concat([skippable, zstdCompressSync(first), zstdCompressSync(second), skippable]);
  for (const [repository, packed, mediaType] of [
    ['team/members', Buffer.concat([gzipSync(first), gzipSync(second)]), 'application/vnd.oci.image.layer.v1.tar+gzip'],
    ['team/frames', zstd, 'application/vnd.oci.image.layer.v1.tar+zstd'],
  ] as const) {
    const entries = legacyEntries({ 'team/app:1': app }).map((item) =>
      item.content === layer ? { ...item, content: packed } : item,
    );
    await imported(repository, tarOf(entries));
    const manifest = await manifestOf(`${repository}/manifests/1`);
    expect(manifest.layers).toMatchObject([{ mediaType, digest: digestOf(packed), size: packed.length }]);
  }
  const archive = ociArchive({ 'team/app:1': app });
  const frames = [archive.subarray(0, 600), archive.subarray(600)].map((part) => zstdCompressSync(part));
  const { images } = await imported('team/pzstd', Buffer.concat([skippable, ...frames]));
  expect(images).toMatchObject([{ digest: app.descriptor.digest }]);
});

test('an index keeps its digest, also where the archive has only some of its images: all answers name the missing ones', async () => {
  const arm = realImage({ hello: 'arm\n' }, 'arm64');
  const riscv = realImage({ hello: 'riscv\n' }, 'riscv64');
  const index = JSON.stringify({
    schemaVersion: 2,
    mediaType: mediaTypes.ociIndex,
    manifests: [
      { ...app.descriptor, platform: { os: 'linux', architecture: 'amd64' } },
      { ...arm.descriptor, platform: { os: 'linux', architecture: 'arm64' } },
      { ...riscv.descriptor, platform: { os: 'linux', architecture: 'riscv64' } },
    ],
  });
  const top = (images: Parameters<typeof ociEntries>[0]) => [
    ...ociEntries(images).filter(({ name }) => name !== 'index.json'),
    { name: `blobs/sha256/${digestOf(index).slice(7)}`, content: index },
    {
      name: 'index.json',
      content: JSON.stringify({
        schemaVersion: 2,
        manifests: [{ mediaType: mediaTypes.ociIndex, digest: digestOf(index), size: index.length }],
      }),
    },
  ];
  const all = await imported('team/index', tarOf(top({ app, arm, riscv })));
  const platforms = ['linux/amd64', 'linux/arm64', 'linux/riscv64'];
  expect(all.images).toMatchObject([{ digest: digestOf(index), platforms, missing: [], layers: 3 }]);
  expect((await pull('team/index/manifests/latest')).header('docker-content-digest')).toBe(digestOf(index));

  for (const [repository, images, present] of [
    ['team/two', { app, riscv }, ['linux/amd64', 'linux/riscv64']],
    ['team/one', { arm }, ['linux/arm64']],
  ] as const) {
    const missing = platforms.filter((platform) => !present.includes(platform as never));
    const shown = await uploaded(repository, tarOf(top(images)));
    expect(shown.images).toMatchObject([{ digest: digestOf(index), platforms: present, missing, layers: present.length }]);
    expect((await commit(shown.id)).json()).toMatchObject({ items: [{ repository, digest: digestOf(index), missing }] });
    expect((await pull(`${repository}/manifests/latest`)).header('docker-content-digest')).toBe(digestOf(index));
    const query = `repository=${repository}&reference=latest`;
    expect((await api('GET', `/image?${query}`, undefined, alice)).status).toBe(200);
    expect((await api('GET', `/archive?${query}`, undefined, alice)).body.toString()).toContain('platform');
    for (const image of [app, arm, riscv]) {
      const status = Object.values<typeof app>(images).includes(image) ? 200 : 404;
      expect((await pull(`${repository}/manifests/${image.descriptor.digest}`)).status).toBe(status);
    }
  }
  const none = await upload('team/none-of-it', tarOf(top({ other })));
  expect([none.status, none.body.toString()]).toEqual([400, expect.stringContaining('at least one image of the index')]);

  const directory = await mkdtemp(join(tmpdir(), 'berth-sparse-'));
  const file = join(directory, 'sparse.tar');
  await writeFile(file, tarOf(top({ arm })));
  const { stdout, stderr } = await runCommand(['import', file, '--to', 'team/cli', '--json'], berth.environment);
  await rm(directory, { recursive: true });
  expect(JSON.parse(stdout)).toMatchObject([{ digest: digestOf(index), missing: ['linux/amd64', 'linux/riscv64'] }]);
  expect(stderr).toContain('lists linux/amd64, linux/riscv64');
});

describe('targets', () => {
  test('images with one name go to the repository, and images with several names below it', async () => {
    const one = await uploaded('team/one', ociArchive({ 'a.example/x/app:1': app, 'a.example/x/app:2': other }));
    expect(one.images.flatMap(({ targets }) => targets)).toEqual([
      { repository: 'team/one', tag: '1' },
      { repository: 'team/one', tag: '2' },
    ]);
    const several = await uploaded('team/all', ociArchive({ 'a.example/x/app:1': app, 'b.example/y/db:2': other }));
    expect(several.images.flatMap(({ targets }) => targets)).toEqual([
      { repository: 'team/all/app', tag: '1' },
      { repository: 'team/all/db', tag: '2' },
    ]);
  });

  test('a commit stores the images where the client wants them, also one image under several names', async () => {
    const { id } = await uploaded('team/first', ociArchive({ 'x/app:1': app, 'x/db:1': other }));
    const targets = [
      { image: 0, repository: 'team/elsewhere', tag: 'a' },
      { image: 0, repository: 'team/second', tag: 'b' },
      { image: 0, repository: 'team/second', tag: 'c' },
    ];
    expect((await commit(id, { targets })).status).toBe(200);
    for (const path of ['team/elsewhere/manifests/a', 'team/second/manifests/b', 'team/second/manifests/c'])
      expect((await pull(path)).body.toString()).toBe(app.manifest);
    expect((await pull(`team/second/blobs/${digestOf(app.compressed)}`)).status).toBe(200);
    expect((await pull('team/first/tags/list')).status).toBe(404);
    expect((await commit(id, { targets })).status).toBe(404);
  });

  test('two images cannot have one target, and there is no image beyond the last one', async () => {
    const { id } = await uploaded('team/app', ociArchive({ 'x/app:1': app, 'y/app:1': other }));
    const to = (image: number) => ({ image, repository: 'team/app', tag: 'same' });
    expect((await commit(id, { targets: [to(0), to(1)] })).json()).toMatchObject({
      status: 400,
      detail: expect.stringContaining('team/app:same is the target of two images'),
    });
    expect((await commit(id, { targets: [to(2)] })).status).toBe(400);
  });
});

describe('permissions', () => {
  const archive = ociArchive({ 'x/app:1': app, 'x/app:2': other });

  test('an upload needs the right to push, and a hidden repository looks like a missing one', async () => {
    expect((await upload('readable', archive)).status).toBe(403);
    expect((await upload('hidden', archive)).status).toBe(404);
    expect((await upload('docker.io/library/app', archive, '', admin)).status).toBe(403);
  });

  test('a commit needs the right to push to each target, and changes nothing without it', async () => {
    const { id } = await uploaded('team/rights', archive);
    const targets = [
      { image: 0, repository: 'team/rights', tag: '1' },
      { image: 1, repository: 'readable', tag: '2' },
    ];
    expect((await commit(id, { targets })).status).toBe(403);
    expect((await commit(id, { targets: [{ ...targets[0], repository: 'hidden' }] })).status).toBe(404);
    expect((await pull('team/rights/tags/list')).status).toBe(404);
    expect((await commit(id)).status).toBe(200);
  });

  test('another account can neither see nor commit nor drop an archive', async () => {
    const { id } = await uploaded('team/private', archive);
    expect((await api('GET', `/archives/${id}`)).status).toBe(404);
    expect((await api('POST', `/archives/${id}/commit`, {})).status).toBe(404);
    expect((await api('DELETE', `/archives/${id}`)).status).toBe(404);
    expect((await api('GET', `/archives/${id}`, undefined, alice)).json()).toMatchObject({ id });
    expect((await api('DELETE', `/archives/${id}`, undefined, alice)).status).toBe(204);
    expect((await api('GET', `/archives/${id}`, undefined, alice)).status).toBe(404);
  });

  test('no tag changes if one of them is immutable and would move', async () => {
    await imported('team/fixed', ociArchive({ 'x/app:stable': app }));
    const { id } = await uploaded('team/fixed', archive);
    const targets = [
      { image: 1, repository: 'team/fixed', tag: 'new' },
      { image: 1, repository: 'team/fixed', tag: 'stable' },
    ];
    const refused = await commit(id, { targets });
    expect([refused.status, refused.json()]).toMatchObject([403, { detail: expect.stringContaining('team/fixed:stable') }]);
    expect((await pull('team/fixed/tags/list')).json()).toMatchObject({ tags: ['stable'] });
    expect((await pull(`team/fixed/blobs/${digestOf(other.compressed)}`)).status).toBe(404);
  });
});

describe('forms', () => {
  const boundary = '----form';
  const part = (name: string, content: Uint8Array | string, file = '') =>
    Buffer.concat([
      Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="${name}"${file && `; filename="${file}"`}\r\n\r\n`),
      Buffer.from(content),
      Buffer.from('\r\n'),
    ]);
  const send = (...parts: readonly Buffer[]): Promise<Answer> =>
    call(berth, 'POST', '/api/v1/archives?repository=team/form', {
      headers: { ...alice, 'Content-Type': `multipart/form-data; boundary=${boundary}` },
      body: Buffer.concat([...parts, Buffer.from(`--${boundary}--\r\n`)]),
    });
  const archive = ociArchive({ 'x/app:1': app });

  test('the file of a form is imported as the body of a request is', async () => {
    const answer = await send(part('note', 'text'), part('archive', archive, '../app.tar'));
    expect([answer.status, answer.json()]).toMatchObject([201, { images: [{ digest: app.descriptor.digest }] }]);
  });

  test('a form without the file, with two files or with many fields is refused', async () => {
    expect((await send(part('note', 'text'))).json()).toMatchObject({
      status: 400,
      detail: expect.stringContaining('"archive"'),
    });
    expect((await send(part('archive', archive, 'a'), part('archive', archive, 'b'))).status).toBe(400);
    expect((await send(...Array.from({ length: 20 }, (_, at) => part(`f${at}`, 'x')))).status).toBe(400);
    expect((await send(part('other', archive, 'a'))).status).toBe(400);
  });

  test('a broken archive in a form has the error of a broken archive', async () => {
    const answer = await send(part('archive', 'no tar file', 'a.tar'));
    expect([answer.status, answer.json()]).toMatchObject([
      400,
      { detail: expect.stringContaining('expected tar, gzip or zstd') },
    ]);
  });
});

test('uploads are counted by their result, with their bytes and the tags that are stored', async () => {
  const value = async (name: string) => {
    const { body } = await call(berth, 'GET', '/metrics', { headers: admin });
    return Number(new RegExp(`^berth_archive_${name} (\\d+)$`, 'm').exec(body.toString())?.[1] ?? 0);
  };
  const names = ['imports_total{result="received"}', 'imports_total{result="refused"}', 'import_bytes_total', 'tags_total'];
  const values = () => Promise.all(names.map((name) => value(name.replaceAll('{', '\\{'))));
  const before = await values();
  const archive = ociArchive({ 'x/app:1': app });
  await imported('team/counted', archive);
  expect((await upload('team/counted', Buffer.from('no tar file'))).status).toBe(400);
  const after = await values();
  expect(after.map((count, at) => count - (before[at] ?? 0))).toEqual([1, 1, archive.length + 11, 1]);
});

test('a body of another type gets 415, and one without images names what it lacks', async () => {
  const html = await call(berth, 'POST', '/api/v1/archives?repository=team/app', {
    headers: { ...alice, 'Content-Type': 'text/html' },
    body: 'x',
  });
  expect(html.status).toBe(415);
  const empty = await upload('team/app', tarOf([{ name: 'readme', content: 'text' }]));
  expect([empty.status, empty.json()]).toMatchObject([400, { detail: expect.stringContaining('"index.json"') }]);
});

describe('berth import', () => {
  let scratch: string;
  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'berth-import-'));
  });
  afterAll(() => rm(scratch, { recursive: true }));

  const run = (...words: string[]) => runCommand(['import', ...words], berth.environment);

  test('what berth export writes can be imported into another repository, with the same digests', async () => {
    await imported('team/source', ociArchive({ 'x/app:1': app, 'x/app:2': other }));
    const file = join(scratch, 'images.tar');
    expect((await runCommand(['export', 'team/source:1', 'team/source:2', '-o', file], berth.environment)).code).toBe(0);
    const { code, stdout } = await run(file, '--to', 'team/target', '--json');
    expect([code, JSON.parse(stdout)]).toEqual([
      0,
      [
        { file, repository: 'team/target', tag: '1', digest: app.descriptor.digest, missing: [] },
        { file, repository: 'team/target', tag: '2', digest: other.descriptor.digest, missing: [] },
      ],
    ]);
    expect((await pull('team/target/manifests/2')).body.toString()).toBe(other.manifest);
  });

  test('without --to the images keep the names of the file, and --to can name one image', async () => {
    const file = join(scratch, 'one.tar');
    await writeFile(file, tarOf(legacyEntries({ 'registry.example.com:5000/team/kept:7': other })));
    expect((await run(file)).stdout).toContain('team/kept');
    expect((await manifestOf('team/kept/manifests/7')).config.digest).toBe(digestOf(other.config));
    expect((await run(file, '--to', 'team/renamed:8')).code).toBe(0);
    expect((await pull('team/renamed/manifests/8')).status).toBe(200);
  });

  test('an import that fails says why, with the name of the file, and exits with 1', async () => {
    const file = join(scratch, 'broken.tar');
    await writeFile(file, 'text');
    expect(await run(file)).toMatchObject({ code: 1, stderr: expect.stringContaining(`${file}: the archive is not a tar file`) });
    expect(await run(join(scratch, 'none.tar'))).toMatchObject({ code: 1, stderr: expect.stringContaining('no such file') });
    expect(await run(file, '--to', 'Team')).toMatchObject({ code: 2 });
    expect(await run(file, '--compress', 'xz')).toMatchObject({ code: 2 });
  });
});
