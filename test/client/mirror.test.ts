import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { hash } from 'bcryptjs';
import { type BerthProcess, startBerthProcess } from '../support/berth-process.ts';
import { mediaTypes } from '../../src/oci/media-types.ts';
import { call } from '../support/call.ts';
import { startDockerRegistry } from '../support/docker-registry.ts';
import { type Containerd, startContainerd } from '../support/containerd.ts';
import { type Dockerd, startDockerd } from '../support/dockerd.ts';
import { type FakeUpstream, startFakeUpstream } from '../support/fake-upstream.ts';
import { type TestImage, digestOf, newImage, pushImage } from '../support/images.ts';
import { mirrorConfig, startMirror } from '../support/mirror.ts';
import { describeWith } from '../support/requires.ts';
import { run } from '../support/run.ts';
import { until } from '../support/until.ts';

let hub: FakeUpstream;
let github: FakeUpstream;
let berth: BerthProcess;
let home: string;
let removeConfig: () => Promise<void>;

/** Fresh for one second only: the tests see a tag asked for again. */
beforeAll(async () => {
  [hub, github, home] = await Promise.all([
    startFakeUpstream({
      auth: 'bearer',
      redirectBlobs: true,
      headers: { 'ratelimit-limit': '100;w=21600', 'ratelimit-remaining': '76;w=21600' },
    }),
    startFakeUpstream({ auth: 'bearer', redirectBlobs: true }),
    mkdtemp(join(tmpdir(), 'berth-mirror-clients-')),
  ]);
  const { file, remove } = await mirrorConfig({
    default: 'docker.io',
    upstreams: { 'docker.io': { url: hub.url }, 'ghcr.io': { url: github.url } },
    freshness: '1s',
  });
  removeConfig = remove;
  berth = await startBerthProcess({ BERTH_CONFIG: file });
}, 60_000);
afterAll(async () => {
  await Promise.all([berth.dispose(), hub.close(), github.close(), removeConfig()]);
  await rm(home, { recursive: true, force: true });
}, 60_000);

const mirrorHost = () => `127.0.0.1:${berth.port}`;
/** Resolves to the client configuration that berth suggests. */
const snippet = async (client: string) => (await call(berth, 'GET', `/_mirror/config?client=${client}`)).body;
const layerDownloads = (upstream: FakeUpstream) => upstream.count('GET', /verify=/, 'cdn');

/** Pulls cold, warm, moved, with the upstream breaking off, limiting and gone: each time the client must get its image. */
async function pullInAllWeathers(
  upstream: FakeUpstream,
  repository: string,
  pull: (tag: string) => Promise<unknown>,
  forget: (tag: string) => Promise<unknown>,
): Promise<void> {
  const { layer } = upstream.addRealImage(repository, 'cold', 3_000_000);
  const before = layerDownloads(upstream);
  await pull('cold');
  expect(layerDownloads(upstream) - before).toBe(2); // the layer and the configuration, once each
  await forget('cold');
  await pull('cold');
  expect(layerDownloads(upstream) - before).toBe(2);
  expect(upstream.count('GET', new RegExp(digestOf(layer)))).toBeLessThanOrEqual(2);

  upstream.addRealImage(repository, 'broken', 3_000_000);
  for (const cutAfter of [1_000_000, 300_000, 700_000]) upstream.misbehave('GET', /^cdn/, { cutAfter });
  await pull('broken');

  await forget('cold');
  upstream.misbehave('HEAD', /manifests/, { status: 429, headers: { 'Retry-After': '1' } }, 99);
  await pull('cold');
  await forget('cold');
  await upstream.goAway();
  await pull('cold');
  await upstream.comeBack();
  upstream.behave();
  upstream.addImage(repository, 'back');
  const path = `/v2/${upstream === hub ? 'docker.io' : 'ghcr.io'}/${repository}/manifests/back`;
  await until(async () => (await call(berth, 'GET', path)).status === 200);
}

/** Pulls a one-time image of the page through the mirror: no upstream is asked, and berth knows which client it was. */
async function pullOneTimeImage(client: RegExp, pull: (image: string) => Promise<unknown>): Promise<void> {
  const post = { headers: { 'Content-Type': 'application/json' }, body: '{}' };
  const { code, image } = (await call(berth, 'POST', '/api/v1/mirror/check', post)).json() as { code: string; image: string };
  const before = hub.requests.length;
  await pull(image);
  expect(hub.requests.length).toBe(before);
  const { use } = (await call(berth, 'GET', `/api/v1/mirror/check?code=${code}`)).json() as { use: object };
  expect(use).toMatchObject({ client: expect.stringMatching(client), address: expect.any(String) });
}

describeWith(['docker', 'dockerd'], 'dockerd with registry-mirrors', () => {
  let daemon: Dockerd;
  beforeAll(async () => {
    await writeFile(join(home, 'daemon.json'), await snippet('docker'));
    daemon = await startDockerd('--config-file', join(home, 'daemon.json'));
  }, 60_000);
  afterAll(() => daemon.close(), 60_000);

  test('pulls images of Docker Hub while the upstream works, fails and limits', async () => {
    await pullInAllWeathers(
      hub,
      'library/weather',
      (tag) => daemon.docker('pull', `weather:${tag}`),
      (tag) => daemon.docker('rmi', `weather:${tag}`),
    );
  }, 240_000);

  test('builds FROM an image of Docker Hub', async () => {
    hub.addRealImage('owner/base', '1', 1000);
    await writeFile(join(home, 'Dockerfile'), 'FROM owner/base:1\nCOPY Dockerfile /added\n');
    await daemon.docker('build', '-t', 'built', home);
  }, 120_000);

  test('pulls by a name with the hosts of berth and of the upstream', async () => {
    github.addRealImage('o/named', '1', 1000);
    await daemon.docker('pull', `${mirrorHost()}/ghcr.io/o/named:1`);
  }, 120_000);

  test('pulls a one-time image of the page', async () => {
    await pullOneTimeImage(/^docker \d/, (image) => daemon.docker('pull', image));
  }, 60_000);

  test('searches berth', async () => {
    github.addRealImage('o/searched', '1', 1000);
    await call(berth, 'GET', '/v2/ghcr.io/o/searched/manifests/1');
    expect(await daemon.docker('search', `${mirrorHost()}/searched`)).toContain('ghcr.io/o/searched');
  }, 120_000);
});

describeWith(['containerd', 'ctr'], 'ctr with hosts.toml', () => {
  let containerd: Containerd;

  beforeAll(async () => {
    await mkdir(join(home, 'hosts/_default'), { recursive: true });
    await writeFile(join(home, 'hosts/_default/hosts.toml'), await snippet('containerd'));
    containerd = await startContainerd();
  }, 60_000);
  afterAll(() => containerd.close(), 60_000);

  test('pulls a one-time image of the page', async () => {
    const options = ['--hosts-dir', `${home}/hosts`, '--snapshotter', 'native'];
    await pullOneTimeImage(/containerd/, (image) => containerd.ctr('images', 'pull', ...options, `docker.io/${image}:latest`));
  }, 60_000);

  test('pulls by ns while the upstream works, fails and limits', async () => {
    await pullInAllWeathers(
      github,
      'o/weather',
      (tag) =>
        containerd.ctr('images', 'pull', '--hosts-dir', `${home}/hosts`, '--snapshotter', 'native', `ghcr.io/o/weather:${tag}`),
      async (tag) => {
        await containerd.ctr('images', 'rm', '--sync', `ghcr.io/o/weather:${tag}`);
        await containerd.ctr('content', 'prune', 'references').catch(() => undefined);
      },
    );
    expect(berth.log()).toContain('ns=ghcr.io');
  }, 240_000);
});

describeWith(['skopeo', 'podman'], 'skopeo and podman with registries.conf', () => {
  const env = () => ({
    ...process.env,
    HOME: home,
    XDG_RUNTIME_DIR: home,
    REGISTRY_AUTH_FILE: join(home, 'auth.json'),
    CONTAINERS_REGISTRIES_CONF: join(home, 'registries.conf'),
  });
  const podman = (...args: string[]) =>
    run('podman', ['--root', `${home}/podman`, '--runroot', `${home}/run`, '--storage-driver', 'vfs', ...args], { env: env() });

  beforeAll(async () => {
    await writeFile(join(home, 'auth.json'), '{}');
    await writeFile(join(home, 'registries.conf'), await snippet('podman'));
  });

  test('podman pulls a one-time image of the page', async () => {
    await pullOneTimeImage(/^containers |podman/, (image) => podman('pull', '--quiet', `docker.io/${image}`));
  }, 60_000);

  test('podman pulls while the upstream works, fails and limits', async () => {
    await pullInAllWeathers(
      github,
      'o/podman',
      (tag) => podman('pull', '--quiet', `ghcr.io/o/podman:${tag}`),
      (tag) => podman('rmi', `ghcr.io/o/podman:${tag}`),
    );
  }, 240_000);

  test('skopeo copies from Docker Hub, also if the upstream interrupts the download', async () => {
    const { digest } = hub.addRealImage('library/skopeo', '1', 3_000_000);
    hub.misbehave('GET', /^cdn/, { cutAfter: 1_000_000 });
    await run(
      'skopeo',
      [
        '--registries-conf',
        join(home, 'registries.conf'),
        '--insecure-policy',
        'copy',
        'docker://docker.io/library/skopeo:1',
        `dir:${home}/copied`,
      ],
      {
        env: env(),
      },
    );
    expect(digestOf(await readFile(join(home, 'copied/manifest.json')))).toBe(digest);
  }, 120_000);
});

describeWith(['docker-registry'], "Debian's docker-registry as upstream", () => {
  test.each([
    ['without a login', undefined],
    ['with a login', { username: 'bot', password: 'secret' }],
  ])(
    'is mirrored %s',
    async (_how, login) => {
      const htpasswd = join(home, 'htpasswd');
      await writeFile(htpasswd, `bot:${await hash('secret', 4)}\n`);
      const auth = `auth:\n  htpasswd: { realm: test, path: ${htpasswd} }\n`;
      const data = join(home, login ? 'registry-with-login' : 'registry');
      const registry = await startDockerRegistry(data, login ? { sections: auth } : {});
      const { url } = registry;
      const headers = login ? { Authorization: `Basic ${Buffer.from('bot:secret').toString('base64')}` } : {};
      const image = newImage();
      await pushInto(url, headers, 'team/app', image);
      const mirror = await startMirror({ upstreams: { 'registry.example': { url, ...login } } });
      const manifest = await call(mirror, 'GET', '/v2/registry.example/team/app/manifests/1');
      const blob = await call(mirror, 'GET', `/v2/registry.example/team/app/blobs/${digestOf(image.layer)}`);
      expect([manifest.body.toString(), blob.body.equals(image.layer)]).toEqual([image.manifest, true]);
      await mirror.close();
      await registry.close();
    },
    60_000,
  );
});

test('berth mirrors another berth', async () => {
  const image = await pushImage(berth, 'team/app', '1');
  const mirror = await startMirror({ upstreams: { 'berth.example': { url: berth.url } } });
  const manifest = await call(mirror, 'GET', '/v2/team/app/manifests/1?ns=berth.example');
  const blob = await call(mirror, 'GET', `/v2/team/app/blobs/${digestOf(image.layer)}?ns=berth.example`);
  expect([manifest.body.toString(), blob.body.equals(image.layer)]).toEqual([image.manifest, true]);
  await mirror.close();
});

/** In the way that every registry takes. */
async function pushInto(url: string, headers: Record<string, string>, repository: string, image: TestImage): Promise<void> {
  for (const bytes of [image.layer, Buffer.from(image.config)]) {
    const begun = await fetch(`${url}/v2/${repository}/blobs/uploads/`, { method: 'POST', headers });
    const location = `${begun.headers.get('location') ?? ''}&digest=${digestOf(bytes)}`;
    expect((await fetch(location, { method: 'PUT', headers, body: new Uint8Array(bytes) })).status).toBe(201);
  }
  const manifest = { method: 'PUT', headers: { ...headers, 'Content-Type': mediaTypes.ociManifest }, body: image.manifest };
  expect((await fetch(`${url}/v2/${repository}/manifests/1`, manifest)).status).toBe(201);
}
