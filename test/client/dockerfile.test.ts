import type { ChildProcess } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Dockerd, startDockerd } from '../support/dockerd.ts';
import { freePort } from '../support/free-port.ts';
import { type ImageStore, startImageStore } from '../support/image-store.ts';
import { type Settings, berthContainer, containerSettings } from '../support/kubernetes.ts';
import { call } from '../support/call.ts';
import { writeCertificate } from '../support/certificate.ts';
import { type Database, createDatabase, postgresPrograms } from '../support/postgres.ts';
import { describeWith } from '../support/requires.ts';
import { end, launch, run } from '../support/run.ts';
import { type TestBucket, createBucket, s3Programs } from '../support/s3-server.ts';
import { postgresSettings } from '../support/metadata.ts';
import { s3Settings } from '../support/blobs.ts';
import { assignments, smokeTest } from '../support/smoke.ts';
import { until } from '../support/until.ts';

const checkout = resolve(import.meta.dirname, '../..');

interface ImageConfig {
  readonly Entrypoint: readonly string[];
  readonly Cmd: readonly string[];
  readonly Env: readonly string[];
  readonly Labels: Readonly<Record<string, string>>;
  readonly Healthcheck: { readonly Test: readonly string[] };
}

describeWith(['buildah', 'podman', 'docker', 'dockerd', 'cc', 'openssl'], 'Dockerfile', () => {
  let store: ImageStore;
  let docker: Dockerd;
  let home: string;
  let container: string;
  const buildah = (...args: readonly string[]) => store.buildah(...args);
  const inContainer = (options: readonly string[], ...words: readonly string[]) =>
    buildah('run', ...options, container, '--', ...words);
  const setting = (name: string, value: string) => ['--env', `${name}=${value}`];
  /** The command that `docker run` would start. */
  let command: readonly string[];

  beforeAll(async () => {
    [store, docker] = await Promise.all([startImageStore(), startDockerd()]);
    home = store.folder;
    await run(resolve(checkout, 'test/support/base-image'), ['localhost/base', process.execPath, ...store.options], {
      env: store.env,
    });
    await makeBuilder();
    await Promise.all(['localhost/berth', 'localhost/second'].map(build));
    container = (await buildah('from', '--pull-never', 'localhost/berth')).trim();
    const { Entrypoint, Cmd } = (await inspect('localhost/berth')).Docker.config;
    command = [...Entrypoint, ...Cmd];
  }, 600_000);
  afterAll(() => Promise.all([docker.close(), store.close()]), 60_000);

  function build(name: string): Promise<string> {
    const bases = ['--build-arg', 'BASE=localhost/base', '--build-arg', 'BUILDER=localhost/builder'];
    // The format is Docker's: OCI's has no health checks.
    const options = ['--isolation', 'chroot', '--pull-never', '--format', 'docker', '--timestamp', '1700000000'];
    return buildah('build', ...options, ...bases, '-t', name, checkout);
  }

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

  async function inspect(name: string) {
    return JSON.parse(await buildah('inspect', '--type', 'image', name)) as {
      readonly OCIv1: { readonly rootfs: unknown; readonly history: unknown };
      readonly Docker: { readonly config: ImageConfig };
    };
  }

  /** Options of `podman run`: no right but those of the user, and no file to write but in volumes. */
  const restricted = [
    ...['--read-only', '--read-only-tmpfs=false', '--cap-drop', 'all', '--security-opt', 'no-new-privileges', '--no-healthcheck'],
    // podman's own limits are higher than what a restricted root user may set.
    ...['--network', 'host', '--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=1024:1024'],
  ];

  /** Returns commands of the image's program: `serve` starts the container, and the others run in it. */
  const podman = (options: readonly string[]) => (words: readonly string[], settings: Settings) => {
    if (words[0] !== 'serve') return store.podman('exec', 'berth', 'berth', ...words);
    const variables = assignments(settings).flatMap((text) => ['--env', text]);
    return store.podman('run', '--rm', '--replace', '--name', 'berth', ...options, ...variables, 'localhost/berth');
  };

  /** Runs the image's server during `work`, with these options of `buildah run`. */
  async function serving(options: readonly string[], work: () => Promise<void>): Promise<void> {
    let printed = '';
    const server: ChildProcess = launch(
      'buildah',
      [...store.options, 'run', ...options, container, '--', ...command],
      (text) => (printed += text),
      store.env,
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
    const { config } = (await inspect('localhost/berth')).Docker;
    expect(config).toMatchObject({ User: '65532:65532', Volumes: { '/data': {} }, ExposedPorts: { '5000/tcp': {} } });
    const prefix = 'org.opencontainers.image';
    expect(config.Labels).toMatchObject({ [`${prefix}.title`]: 'berth', [`${prefix}.licenses`]: 'Apache-2.0' });
    expect(config.Env).toContain('BERTH_LISTEN=0.0.0.0:5000');
    expect(config.Healthcheck.Test).toEqual(['CMD', 'berth-health']);
  });

  test('two builds have the same layers, and so the same digest in the format of OCI', async () => {
    const [first, second] = await Promise.all(['localhost/berth', 'localhost/second'].map(inspect));
    expect(first?.OCIv1.rootfs).toMatchObject({ diff_ids: [expect.any(String), expect.any(String)] });
    expect(first?.OCIv1).toEqual(second?.OCIv1);
  });

  test('the image has an SBOM of the packages in it, its Node.js and its system', async () => {
    const script = `
      const files = fs.globSync('/berth/node_modules/**/package.json');
      const packages = files.filter((file) => /node_modules\\/(@[^/]+\\/)?[^/]+\\/package.json$/.test(file));
      const installed = packages.map((file) => JSON.parse(fs.readFileSync(file))).map(({ name, version }) => name + '@' + version);
      console.log(JSON.stringify({ installed, sbom: JSON.parse(fs.readFileSync('/berth/sbom.cdx.json')) }));`;
    const { installed, sbom } = JSON.parse(await inContainer([], 'node', '--eval', script)) as {
      installed: readonly string[];
      sbom: { components: readonly { name: string; version: string; purl: string }[] };
    };
    const listed = sbom.components.filter(({ purl }) => purl.startsWith('pkg:npm/'));
    expect(new Set(listed.map(({ name, version }) => `${name}@${version}`))).toEqual(new Set(installed));
    const others = sbom.components.filter((component) => !listed.includes(component));
    expect(others.map(({ name }) => name)).toEqual(['libc6', 'node']);
  });

  test('the image has the compiled code of the server', async () => {
    const count = "console.log(fs.readdirSync('/berth/node_modules/.cache/node', { recursive: true }).length)";
    expect(Number(await inContainer([], 'node', '--eval', count))).toBeGreaterThan(100);
  }, 60_000);

  test('a container does not start on 0.0.0.0 in mode open without access.allowOpen', async () => {
    await expect(inContainer([], ...command)).rejects.toThrow('access.allowOpen');
  }, 60_000);

  test('podman runs the image with a read-only root, and it is a registry that docker can use', async () => {
    const command = podman(['--volume', 'berth-data:/data', ...restricted]);
    await smokeTest({ command }, docker, async () => {
      const [program = '', ...words] = store.podman('exec', 'berth', 'berth-health');
      await run(program, words);
    });
  }, 240_000);

  describeWith([...s3Programs, ...postgresPrograms], 'the container of deploy/kubernetes', () => {
    let bucket: TestBucket;
    let database: Database;
    const { pod, container } = berthContainer();

    beforeAll(async () => {
      [bucket, database] = await Promise.all([createBucket(), createDatabase()]);
    }, 240_000);
    afterAll(() => Promise.all([bucket.remove(), database.drop()]), 60_000);

    test('is a registry that docker can use, over S3 and PostgreSQL, in a folder that belongs to root and fsGroup', async () => {
      const { readOnlyRootFilesystem, allowPrivilegeEscalation, capabilities, runAsNonRoot } = container.securityContext ?? {};
      expect([readOnlyRootFilesystem, allowPrivilegeEscalation, capabilities?.drop]).toEqual([true, false, ['ALL']]);
      expect([runAsNonRoot, container.args]).toEqual([true, undefined]);
      const group = pod.securityContext?.fsGroup ?? 0;
      const folder = join(home, 'empty-dir');
      await mkdir(folder);
      await run('chown', [`0:${group}`, folder]);
      await run('chmod', ['2770', folder]);
      const places = (container.volumeMounts ?? []).flatMap(({ mountPath }) => ['--volume', `${folder}:${mountPath}`]);
      const socket = new URL(database.url).searchParams.get('host') ?? '';
      const secret = { 's3-access-key-id': '', 's3-secret-access-key': '', 'metadata-url': '', 'admin-password': '' };
      const start = podman([...places, '--volume', `${socket}:${socket}`, '--group-add', String(group), ...restricted]);
      const command = (words: readonly string[], settings: Settings) =>
        start(words, { ...containerSettings(secret), ...settings, BERTH_PUBLIC_URL: `http://${settings['BERTH_LISTEN']}` });
      const settings = { ...s3Settings(bucket), ...postgresSettings(database.url) };
      await smokeTest({ command, settings }, docker, async (server) => {
        const probes = [container.startupProbe, container.readinessProbe, container.livenessProbe].map((probe) => probe?.httpGet);
        expect(probes.map((probe) => probe?.port)).toEqual(['http', 'http', 'http']);
        for (const probe of probes) expect((await call(server, 'GET', probe?.path ?? '')).status).toBe(200);
      });
    }, 240_000);
  });

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
  }, 60_000);
});
