import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { freePort } from '../support/free-port.ts';
import { call } from '../support/call.ts';
import { pushImage } from '../support/images.ts';
import { describeWith } from '../support/requires.ts';
import { end, launch, run } from '../support/run.ts';
import { until } from '../support/until.ts';

const checkout = resolve(import.meta.dirname, '../..');

describeWith(['buildah'], 'Dockerfile', () => {
  let home: string;
  let container: string;
  const storage = () => ['--root', `${home}/root`, '--runroot', `${home}/run`, '--storage-driver', 'vfs'];
  const env = () => ({
    ...process.env,
    HOME: home,
    XDG_RUNTIME_DIR: home,
    REGISTRY_AUTH_FILE: join(home, 'auth.json'),
    BUILDAH_ISOLATION: 'chroot',
  });
  const buildah = (...args: string[]) => run('buildah', [...storage(), ...args], { env: env() });
  /** What `docker run` would start. */
  let command: readonly string[];

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'berth-dockerfile-'));
    await writeFile(join(home, 'auth.json'), '{}');
    await run(resolve(checkout, 'test/support/base-image'), ['localhost/base', process.execPath, ...storage()], { env: env() });
    await buildah(
      'build',
      '--isolation',
      'chroot',
      '--pull-never',
      '--build-arg',
      'BASE=localhost/base',
      '-t',
      'localhost/berth',
      checkout,
    );
    container = (await buildah('from', '--pull-never', 'localhost/berth')).trim();
    const { Entrypoint, Cmd } = await imageConfig();
    command = [...Entrypoint, ...Cmd];
  }, 300_000);
  afterAll(() => rm(home, { recursive: true, force: true }), 60_000);

  async function imageConfig() {
    const { Docker } = JSON.parse(await buildah('inspect', '--type', 'image', 'localhost/berth')) as {
      Docker: { config: { Entrypoint: string[]; Cmd: string[]; Env: string[] } };
    };
    return Docker.config;
  }

  test('it is not root, has a volume, a health check and says where it listens', async () => {
    const config = await imageConfig();
    expect(config).toMatchObject({ User: '65532:65532', Volumes: { '/data': {} }, ExposedPorts: { '5000/tcp': {} } });
    expect(config.Env).toContain('BERTH_LISTEN=0.0.0.0:5000');
  });

  test('it does not start on 0.0.0.0 until somebody says that open access is wanted', async () => {
    await expect(buildah('run', container, '--', ...command)).rejects.toThrow('access.allowOpen');
  }, 60_000);

  test('it starts, keeps an image and answers its own health check', async () => {
    const port = await freePort();
    const settings = ['--env', `BERTH_LISTEN=127.0.0.1:${port}`];
    let printed = '';
    const server: ChildProcess = launch(
      'buildah',
      [...storage(), 'run', ...settings, container, '--', ...command],
      (text) => (printed += text),
      env(),
    );
    try {
      await until(() => printed.includes('berth is listening'));
      const berth = { url: `http://127.0.0.1:${port}` };
      expect((await call(berth, 'GET', '/healthz')).json()).toMatchObject({ status: 'ok' });
      const image = await pushImage(berth, 'app', '1');
      expect((await call(berth, 'GET', '/v2/app/manifests/1')).body.toString()).toBe(image.manifest);
    } finally {
      await end(server);
    }
  }, 60_000);
});
