import type { ChildProcess } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { freePort } from '../support/free-port.ts';
import { writeCertificate } from '../support/certificate.ts';
import { call } from '../support/call.ts';
import { pushImage } from '../support/images.ts';
import { describeWith } from '../support/requires.ts';
import { end, launch, run } from '../support/run.ts';
import { until } from '../support/until.ts';

const checkout = resolve(import.meta.dirname, '../..');

describeWith(['buildah', 'cc', 'openssl'], 'Dockerfile', () => {
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
  const buildah = (...args: readonly string[]) => run('buildah', [...storage(), ...args], { env: env() });
  const inContainer = (options: readonly string[], ...words: readonly string[]) =>
    buildah('run', ...options, container, '--', ...words);
  const setting = (name: string, value: string) => ['--env', `${name}=${value}`];
  /** The command that `docker run` would start. */
  let command: readonly string[];

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'berth-dockerfile-'));
    await writeFile(join(home, 'auth.json'), '{}');
    await run(resolve(checkout, 'test/support/base-image'), ['localhost/base', process.execPath, ...storage()], { env: env() });
    await makeBuilder();
    const bases = ['--build-arg', 'BASE=localhost/base', '--build-arg', 'BUILDER=localhost/builder'];
    // The format is Docker's: OCI's has no health checks.
    await buildah(
      'build',
      '--isolation',
      'chroot',
      '--pull-never',
      '--format',
      'docker',
      ...bases,
      '-t',
      'localhost/berth',
      checkout,
    );
    container = (await buildah('from', '--pull-never', 'localhost/berth')).trim();
    const { Entrypoint, Cmd } = await imageConfig();
    command = [...Entrypoint, ...Cmd];
  }, 300_000);
  afterAll(() => rm(home, { recursive: true, force: true }), 60_000);

  /** Builds an image whose compiler copies the addon of the checkout, because a real compiler would be a gigabyte. */
  async function makeBuilder(): Promise<void> {
    const copy = "require('fs').copyFileSync('/usr/local/lib/sendfile.node', process.argv[process.argv.indexOf('-o') + 1])";
    const script = `#!/usr/local/bin/node\n${copy};\n`;
    await writeFile(join(home, 'cc'), script, { mode: 0o755 });
    await writeFile(join(home, 'node_api.h'), '');
    await run(process.execPath, [join(checkout, 'src/http/transfer/native/build.cjs')]);
    const builder = (await buildah('from', '--pull-never', 'localhost/base')).trim();
    await buildah('copy', builder, join(home, 'cc'), '/usr/local/bin/');
    await buildah('copy', builder, join(home, 'node_api.h'), '/usr/local/include/node/');
    await buildah('copy', builder, join(checkout, 'src/http/transfer/native/sendfile.node'), '/usr/local/lib/');
    await buildah('commit', '--quiet', '--rm', builder, 'localhost/builder');
  }

  async function imageConfig() {
    const { Docker } = JSON.parse(await buildah('inspect', '--type', 'image', 'localhost/berth')) as {
      Docker: {
        config: {
          Entrypoint: string[];
          Cmd: string[];
          Env: string[];
          Labels: Record<string, string>;
          Healthcheck: { Test: string[] };
        };
      };
    };
    return Docker.config;
  }

  /** Runs the image's server during `work`, with these options of `buildah run`. */
  async function serving(options: readonly string[], work: () => Promise<void>): Promise<void> {
    let printed = '';
    const server: ChildProcess = launch(
      'buildah',
      [...storage(), 'run', ...options, container, '--', ...command],
      (text) => (printed += text),
      env(),
    );
    try {
      await until(() => {
        if (server.exitCode !== null) throw new Error(printed);
        return printed.includes('berth is listening');
      });
      await work();
    } finally {
      await end(server);
    }
  }

  test('the image has a user other than root, a volume, a health check, its address and labels', async () => {
    const config = await imageConfig();
    expect(config).toMatchObject({ User: '65532:65532', Volumes: { '/data': {} }, ExposedPorts: { '5000/tcp': {} } });
    const prefix = 'org.opencontainers.image';
    expect(config.Labels).toMatchObject({ [`${prefix}.title`]: 'berth', [`${prefix}.licenses`]: 'Apache-2.0' });
    expect(config.Env).toContain('BERTH_LISTEN=0.0.0.0:5000');
    expect(config.Healthcheck.Test).toEqual(['CMD', 'berth-health']);
  });

  test('the image has the compiled code of the server', async () => {
    const count = "console.log(fs.readdirSync('/berth/node_modules/.cache/node', { recursive: true }).length)";
    expect(Number(await inContainer([], 'node', '--eval', count))).toBeGreaterThan(100);
  }, 60_000);

  test('a container does not start on 0.0.0.0 in mode open without access.allowOpen', async () => {
    await expect(inContainer([], ...command)).rejects.toThrow('access.allowOpen');
  }, 60_000);

  test('a container stores an image and sends blobs with sendfile, and its health check follows the port', async () => {
    const port = await freePort();
    const options = setting('BERTH_LISTEN', `127.0.0.1:${port}`);
    await serving(options, async () => {
      const berth = { url: `http://127.0.0.1:${port}` };
      expect((await call(berth, 'GET', '/healthz')).json()).toMatchObject({ status: 'ok', sendPath: 'sendfile' });
      const image = await pushImage(berth, 'app', '1');
      expect((await call(berth, 'GET', '/v2/app/manifests/1')).body.toString()).toBe(image.manifest);
      await inContainer(options, 'berth-health');
    });
    await expect(inContainer(options, 'berth-health')).rejects.toThrow();
  }, 60_000);

  test('the health check works with TLS', async () => {
    const folder = join(home, 'tls');
    await mkdir(folder);
    const { certificate, key } = await writeCertificate(folder, 'registry.example.com');
    await run('chown', ['-R', '65532:65532', folder]);
    const files = [
      ...setting('BERTH_TLS_CERTIFICATE', certificate.replace(folder, '/tls')),
      ...setting('BERTH_TLS_KEY', key.replace(folder, '/tls')),
    ];
    const options = [...setting('BERTH_LISTEN', `127.0.0.1:${await freePort()}`), '--volume', `${folder}:/tls:ro`];
    await serving([...options, ...files], async () => {
      await inContainer(options, 'berth-health');
    });
  }, 60_000);

  test('a mounted folder of another user is an error that names the user to give it to', async () => {
    const folder = join(home, 'foreign');
    await mkdir(folder, { mode: 0o700 });
    const data = setting('BERTH_STORAGE_BLOBS_DIRECTORY', '/mounted');
    const options = [...setting('BERTH_LISTEN', '127.0.0.1:0'), ...data, '--volume', `${folder}:/mounted`];
    await expect(inContainer(options, ...command)).rejects.toThrow('chown -R 65532:65532 /mounted');
  }, 60_000);

  test('the image has the command berth', async () => {
    expect(await inContainer([], 'berth', '--version')).toMatch(/^berth \d+\.\d+\.\d+\n$/);
    const generated = await inContainer(setting('BERTH_ACCESS_MODE', 'token'), 'berth', 'user', 'add', 'alice');
    expect(generated.trim().length).toBeGreaterThanOrEqual(20);
  }, 60_000);
});
