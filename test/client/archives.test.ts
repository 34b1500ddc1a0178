import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mediaTypes } from '../../src/oci/media-types.ts';
import { type TestBerth, startBerth } from '../support/berth.ts';
import { call } from '../support/call.ts';
import { runCommand } from '../support/command.ts';
import { type Containerd, startContainerd } from '../support/containerd.ts';
import { type Dockerd, startDockerd } from '../support/dockerd.ts';
import { digestOf, putManifest } from '../support/images.ts';
import { pushRealImage, realImage } from '../support/real-image.ts';
import { describeWith } from '../support/requires.ts';
import { run } from '../support/run.ts';

describeWith(['docker', 'dockerd', 'skopeo'], 'archives of real clients', () => {
  let berth: TestBerth;
  let daemon: Dockerd;
  let scratch: string;
  const image = realImage({ hello: 'hello\n' });
  const imageId = digestOf(image.config);

  beforeAll(async () => {
    [berth, daemon, scratch] = await Promise.all([startBerth(), startDockerd(), mkdtemp(join(tmpdir(), 'berth-archives-'))]);
    await pushRealImage(berth, 'team/app', '1', image);
    const exported = await runCommand(['export', 'team/app:1', '-o', join(scratch, 'berth.tar')], berth.environment);
    expect(exported).toMatchObject({ code: 0 });
  }, 60_000);
  afterAll(async () => {
    await Promise.all([berth.close(), daemon.close(), rm(scratch, { recursive: true })]);
  }, 60_000);

  const importInto = (file: string, to: string) => runCommand(['import', join(scratch, file), '--to', to], berth.environment);
  const manifestOf = (repository: string) => call(berth, 'GET', `/v2/${repository}/manifests/1`);
  const configOf = async (repository: string) =>
    ((await manifestOf(repository)).json() as { config: { digest: string } }).config.digest;
  const skopeo = (...args: string[]) => run('skopeo', ['--insecure-policy', ...args]);

  test('docker loads an export with the same image ID, and what it saves can be imported again', async () => {
    await daemon.docker('load', '-i', join(scratch, 'berth.tar'));
    expect((await daemon.docker('image', 'inspect', '--format', '{{.Id}}', 'team/app:1')).trim()).toBe(imageId);
    await daemon.docker('save', '-o', join(scratch, 'docker.tar'), 'team/app:1');
    expect(await importInto('docker.tar', 'from/docker')).toMatchObject({ code: 0 });
    expect(await configOf('from/docker')).toBe(imageId);
  }, 120_000);

  test('skopeo reads an export in both of its formats, and what it writes can be imported again', async () => {
    const file = join(scratch, 'berth.tar');
    await skopeo('copy', `oci-archive:${file}:1`, `oci-archive:${scratch}/oci.tar:app:1`);
    await skopeo('copy', `docker-archive:${file}`, `docker-archive:${scratch}/legacy.tar:team/app:1`);
    expect(await importInto('oci.tar', 'from/oci:1')).toMatchObject({ code: 0 });
    expect((await manifestOf('from/oci')).header('docker-content-digest')).toBe(image.descriptor.digest);
    expect(await importInto('legacy.tar', 'from/legacy')).toMatchObject({ code: 0 });
    expect(await configOf('from/legacy')).toBe(imageId);
  }, 120_000);
});

describeWith(['podman', 'buildah', 'containerd', 'ctr'], 'archives of podman, buildah and containerd', () => {
  let berth: TestBerth;
  let containerd: Containerd;
  let scratch: string;
  const image = realImage({ hello: 'hello\n' });
  const imageId = digestOf(image.config);

  beforeAll(async () => {
    [berth, containerd, scratch] = await Promise.all([
      startBerth(),
      startContainerd(),
      mkdtemp(join(tmpdir(), 'berth-archives-')),
    ]);
    await pushRealImage(berth, 'team/app', '1', image);
    const exported = await runCommand(['export', 'team/app:1', '-o', join(scratch, 'berth.tar')], berth.environment);
    expect(exported).toMatchObject({ code: 0 });
  }, 60_000);
  afterAll(async () => {
    await Promise.all([berth.close(), containerd.close(), rm(scratch, { recursive: true })]);
  }, 60_000);

  const storage = () => ['--root', `${scratch}/storage`, '--runroot', `${scratch}/run`, '--storage-driver', 'vfs'];
  // Neither the configuration nor the storage of the machine's user.
  const env = () => ({ ...process.env, HOME: scratch, XDG_RUNTIME_DIR: scratch });
  const podman = (...args: string[]) => run('podman', [...storage(), ...args], { env: env() });
  const file = (name: string) => join(scratch, name);
  const importInto = (name: string, to: string) => runCommand(['import', file(name), '--to', to], berth.environment);
  const manifestOf = (repository: string) => call(berth, 'GET', `/v2/${repository}/manifests/1`);
  const configOf = async (repository: string) =>
    ((await manifestOf(repository)).json() as { config: { digest: string } }).config.digest;

  test('podman loads an export with the same image ID, and what it saves in both formats can be imported again', async () => {
    await podman('load', '--input', file('berth.tar'));
    const name = (await podman('images', '--format', '{{.Repository}}:{{.Tag}}')).trim();
    expect(`sha256:${(await podman('image', 'inspect', '--format', '{{.Id}}', name)).trim()}`).toBe(imageId);
    for (const format of ['docker-archive', 'oci-archive']) {
      await podman('save', '--quiet', '--format', format, '--output', file(`podman-${format}.tar`), name);
      expect(await importInto(`podman-${format}.tar`, `from/${format}:1`)).toMatchObject({ code: 0 });
      expect(await configOf(`from/${format}`)).toBe(imageId);
    }
  }, 120_000);

  test('buildah reads an export, and the archive that it pushes can be imported with the same digest', async () => {
    const buildah = (...args: string[]) => run('buildah', [...storage(), ...args], { env: env() });
    const id = (await buildah('pull', '--quiet', `oci-archive:${file('berth.tar')}:1`)).trim();
    expect(`sha256:${id}`).toBe(imageId);
    await buildah('push', '--quiet', id, `oci-archive:${file('buildah.tar')}:app:1`);
    expect(await importInto('buildah.tar', 'from/buildah:1')).toMatchObject({ code: 0 });
    expect(await configOf('from/buildah')).toBe(imageId);
  }, 120_000);

  test('containerd imports an export, and what it exports has the same digest in berth again', async () => {
    await containerd.ctr('images', 'import', '--no-unpack', file('berth.tar'));
    const [name = ''] = (await containerd.ctr('images', 'list', '--quiet')).trim().split('\n');
    await containerd.ctr('images', 'export', file('containerd.tar'), name);
    expect(await importInto('containerd.tar', 'from/containerd:1')).toMatchObject({ code: 0 });
    expect((await manifestOf('from/containerd')).header('docker-content-digest')).toBe(image.descriptor.digest);
  }, 120_000);

  test('an index that containerd pulled for one platform keeps its digest, and berth import names the other platform', async () => {
    const arm = realImage({ hello: 'arm\n' }, 'arm64');
    await pushRealImage(berth, 'team/multi', 'arm', arm);
    await pushRealImage(berth, 'team/multi', 'amd', image);
    const manifests = [image, arm].map(({ descriptor }, at) => ({
      ...descriptor,
      platform: { os: 'linux', architecture: at === 0 ? 'amd64' : 'arm64' },
    }));
    const index = JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests });
    await putManifest(berth, 'team/multi', '1', index, mediaTypes.ociIndex);
    const name = `${new URL(berth.url).host}/team/multi:1`;
    await containerd.ctr('images', 'pull', '--plain-http', '--snapshotter', 'native', '--platform', 'linux/amd64', name);
    await containerd.ctr('images', 'export', '--platform', 'linux/amd64', file('sparse.tar'), name);
    const { code, stderr } = await importInto('sparse.tar', 'from/sparse:1');
    expect([code, stderr]).toEqual([0, expect.stringContaining('linux/arm64')]);
    expect((await manifestOf('from/sparse')).header('docker-content-digest')).toBe(digestOf(index));
  }, 120_000);
});
