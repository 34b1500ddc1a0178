import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mediaTypes } from '../../src/oci/media-types.ts';
import { type BerthProcess, startBerthProcess } from '../support/berth-process.ts';
import { call } from '../support/call.ts';
import { newIndex, pushImage, putManifest } from '../support/images.ts';
import { pageCommands } from '../support/page-commands.ts';
import { pushRealImage, realImage } from '../support/real-image.ts';
import { describeWith } from '../support/requires.ts';
import { run } from '../support/run.ts';

let berth: BerthProcess;
let home: string;

beforeAll(async () => {
  [berth, home] = await Promise.all([startBerthProcess(), mkdtemp(join(tmpdir(), 'berth-clients-'))]);
  await writeFile(join(home, 'auth.json'), '{}');
  await writeFile(join(home, 'registries.conf'), `[[registry]]\nlocation = "${berth.host}"\ninsecure = true\n`);
}, 60_000);
afterAll(async () => {
  await Promise.all([berth.dispose(), rm(home, { recursive: true, force: true })]);
}, 60_000);

const env = () => ({
  ...process.env,
  HOME: home,
  XDG_RUNTIME_DIR: home,
  REGISTRY_AUTH_FILE: join(home, 'auth.json'),
  CONTAINERS_REGISTRIES_CONF: join(home, 'registries.conf'),
});
const mediaTypeOf = async (repository: string, tag: string) =>
  (await call(berth, 'GET', `/v2/${repository}/manifests/${tag}`)).header('content-type');

describeWith(['skopeo'], 'skopeo', () => {
  const skopeo = (...args: string[]) => run('skopeo', ['--insecure-policy', ...args], { env: env() });
  const copy = (...args: string[]) => skopeo('copy', '--src-tls-verify=false', '--dest-tls-verify=false', ...args);

  test('a one-time image of the page is a whole image, and the page knows that skopeo has pulled it', async () => {
    const { image } = (
      await call(berth, 'POST', '/api/v1/mirror/check', { headers: { 'Content-Type': 'application/json' }, body: '{}' })
    ).json() as { readonly image: string };
    await copy('--all', `docker://${berth.host}/${image}`, `oci:${home}/check:1`);
    const { use } = (await call(berth, 'GET', `/api/v1/mirror/check?code=${image.split('/')[1]}`)).json() as { use: object };
    expect(use).toMatchObject({ client: expect.stringMatching(/^skopeo/), upstream: '' });
  });

  test('an image keeps its digest when it is copied to berth and back, as OCI and schema 2', async () => {
    await pushImage(berth, 'start', '1', {});
    const layout = `oci:${home}/layout:1`;
    await copy(`docker://${berth.host}/start:1`, layout);
    await copy('--format', 'v2s2', layout, `docker://${berth.host}/converted:1`).catch(() =>
      copy(layout, `docker://${berth.host}/converted:1`),
    );
    await copy('--format', 'oci', `docker://${berth.host}/converted:1`, `docker://${berth.host}/back:1`);
    expect(await mediaTypeOf('back', '1')).toBe(mediaTypes.ociManifest);
    expect(JSON.parse(await skopeo('inspect', '--raw', '--tls-verify=false', `docker://${berth.host}/back:1`))).toMatchObject({
      schemaVersion: 2,
    });
  }, 120_000);

  test('copy --all of an index keeps its digest, list-tags lists its tags, and delete removes it', async () => {
    const images = [await pushImage(berth, 'multi', 'a'), await pushImage(berth, 'multi', 'b')];
    const index = newIndex(images);
    const pushed = await putManifest(berth, 'multi', 'all', index, mediaTypes.ociIndex);
    await copy('--all', '--preserve-digests', `docker://${berth.host}/multi:all`, `docker://${berth.host}/copied:all`);
    expect((await call(berth, 'GET', '/v2/copied/manifests/all')).header('docker-content-digest')).toBe(
      pushed.header('docker-content-digest'),
    );
    expect(JSON.parse(await skopeo('list-tags', '--tls-verify=false', `docker://${berth.host}/multi`))).toMatchObject({
      Tags: ['a', 'all', 'b'],
    });
    await skopeo('delete', '--tls-verify=false', `docker://${berth.host}/copied:all`);
    expect((await call(berth, 'GET', '/v2/copied/manifests/all')).status).toBe(404);
  }, 120_000);
});

describeWith(['podman', 'skopeo'], 'podman and skopeo', () => {
  test('run the commands that the page shows, by tag and by digest', async () => {
    await pushRealImage(berth, 'page/app', '1', realImage({ hello: 'hello\n' }));
    const storage = ['--root', `${home}/page-root`, '--runroot', `${home}/page-run`, '--storage-driver', 'vfs'];
    for (const args of await pageCommands(berth, 'page/app:1', 'podman'))
      expect((await run('podman', [...storage, ...args, '--quiet'], { env: env() })).trim()).toMatch(/^[0-9a-f]{64}$/);
    // skopeo reads no registries.conf that says that the server has no TLS.
    for (const [copy = '', ...args] of await pageCommands(berth, 'page/app:1', 'skopeo')) {
      const options = ['--insecure-policy', copy, '--src-tls-verify=false'];
      const output = await run('skopeo', [...options, ...args], { env: env(), cwd: home });
      expect(output).toContain('Writing manifest');
    }
  }, 120_000);
});

describeWith(['podman', 'buildah'], 'podman and buildah', () => {
  const storage = () => ['--root', `${home}/root`, '--runroot', `${home}/run`, '--storage-driver', 'vfs'];
  const buildah = (...args: string[]) => run('buildah', [...storage(), ...args], { env: env() });
  const podman = (...args: string[]) => run('podman', [...storage(), ...args], { env: env() });

  test.each(['oci', 'docker'])(
    'buildah builds from scratch, pushes as %s, podman pulls the same',
    async (format) => {
      await writeFile(join(home, 'content'), randomBytes(10_000));
      const container = (await buildah('from', 'scratch')).trim();
      await buildah('copy', container, join(home, 'content'), '/content');
      const name = `${berth.host}/buildah/${format}:1`;
      const id = (await buildah('commit', '--format', format, '--rm', container, name)).trim();
      await buildah('push', '--tls-verify=false', name);
      expect(await mediaTypeOf(`buildah/${format}`, '1')).toBe(
        format === 'oci' ? mediaTypes.ociManifest : mediaTypes.dockerManifest,
      );
      await podman('rmi', name);
      expect((await podman('pull', '--quiet', '--tls-verify=false', name)).trim()).toBe(id);
      await podman('push', '--tls-verify=false', name, `${berth.host}/again/${format}:2`);
      expect((await call(berth, 'GET', `/v2/again/${format}/manifests/2`)).status).toBe(200);
      await podman('rmi', name);
    },
    180_000,
  );

  test('buildah pushes a manifest list with all its images', async () => {
    const list = `${berth.host}/list:1`;
    await buildah('manifest', 'create', list);
    for (const architecture of ['amd64', 'arm64']) {
      await writeFile(join(home, 'content'), randomBytes(1000));
      const container = (await buildah('from', '--arch', architecture, 'scratch')).trim();
      await buildah('copy', container, join(home, 'content'), '/content');
      const image = (await buildah('commit', '--rm', container, `${berth.host}/list-${architecture}:1`)).trim();
      await buildah('manifest', 'add', '--arch', architecture, list, `containers-storage:${image}`).catch(() =>
        buildah('manifest', 'add', '--arch', architecture, list, image),
      );
    }
    await buildah('manifest', 'push', '--all', '--tls-verify=false', list, `docker://${list}`);
    const index = (await call(berth, 'GET', '/v2/list/manifests/1')).json() as {
      manifests: { platform: { architecture: string } }[];
    };
    expect(index.manifests.map(({ platform }) => platform.architecture).sort()).toEqual(['amd64', 'arm64']);
  }, 180_000);
});
