import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { downloadSize } from '../../src/images/diff/layer-diff.ts';
import { mediaTypes } from '../../src/oci/media-types.ts';
import { startBerth } from '../support/berth.ts';
import { type BerthProcess, startBerthProcess } from '../support/berth-process.ts';
import { call } from '../support/call.ts';
import { runCommand } from '../support/command.ts';
import { type TestDescriptor, descriptor, digestOf, pushBlob } from '../support/images.ts';
import { type Dockerd, startDockerd } from '../support/dockerd.ts';
import { pageCommands } from '../support/page-commands.ts';
import { describeWith } from '../support/requires.ts';
import { run } from '../support/run.ts';
import { tar } from '../support/tar.ts';
import { until } from '../support/until.ts';

describeWith(['docker', 'dockerd'], 'docker', () => {
  let berth: BerthProcess;
  let daemon: Dockerd;
  let scratch: string;

  beforeAll(async () => {
    [berth, daemon, scratch] = await Promise.all([startBerthProcess(), startDockerd(), mkdtemp(join(tmpdir(), 'berth-docker-'))]);
  }, 60_000);
  afterAll(async () => {
    await Promise.all([berth.dispose(), daemon.close(), rm(scratch, { recursive: true })]);
  }, 60_000);

  const importImage = (name: string, files: Readonly<Record<string, Uint8Array | string>>) =>
    daemon.dockerWith(tar(files), 'import', '-', name);
  const digestIn = (output: string) => /sha256:[0-9a-f]{64}/.exec(output)?.[0];
  /** Resolves to the number of blob uploads before the manifest. The log is written shortly after the answer. */
  async function uploadsBefore(manifest: string): Promise<number> {
    await until(() => berth.log().includes(`"url":"/v2/${manifest}","status":201`));
    return berth.log().match(/"method":"PATCH"/g)?.length ?? 0;
  }

  /** Pushes an image of the layers without docker, and returns what a diff of images needs of it. */
  async function pushLayers(
    repository: string,
    tag: string,
    layers: readonly Buffer[],
    registry: { readonly url: string } = berth,
  ) {
    const config = JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      config: {},
      rootfs: { type: 'layers', diff_ids: layers.map((layer) => digestOf(layer)) },
    });
    for (const bytes of [...layers, config]) await pushBlob(registry, repository, bytes);
    const manifest = {
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      config: descriptor(config, 'application/vnd.oci.image.config.v1+json'),
      layers: layers.map((layer) => descriptor(layer)),
    };
    const headers = { 'Content-Type': mediaTypes.ociManifest };
    await call(registry, 'PUT', `/v2/${repository}/manifests/${tag}`, { headers, body: JSON.stringify(manifest) });
    const toDescriptor = ({ size, ...rest }: TestDescriptor) => ({ ...rest, sizeBytes: size });
    return { config: toDescriptor(manifest.config), layers: manifest.layers.map(toDescriptor) };
  }

  /** Returns the digests of the blobs that the daemon has downloaded from the repository, in order. */
  function blobsSent(repository: string): readonly string[] {
    const lines = berth
      .log()
      .matchAll(new RegExp(`"method":"GET","url":"/v2/${repository}/blobs/(sha256:[0-9a-f]{64})","status":200`, 'g'));
    return [...lines].map(([, digest = '']) => digest);
  }

  function sizeOf({ config, layers }: Awaited<ReturnType<typeof pushLayers>>, digests: readonly string[]): number {
    const sizes = new Map<string, number>([config, ...layers].map(({ digest, sizeBytes }) => [digest, sizeBytes]));
    return digests.reduce((total, digest) => total + (sizes.get(digest) ?? NaN), 0);
  }

  test('an image keeps its digest after push, restart of the registry and pull, by tag and by digest, as the page says', async () => {
    const name = `${berth.host}/hello:1`;
    await importImage(name, { hello: 'hello\n' });
    const pushed = digestIn(await daemon.docker('push', name));
    await daemon.docker('rmi', name);
    await berth.kill('SIGTERM');
    await berth.start();
    expect(digestIn(await daemon.docker('pull', name))).toBe(pushed);
    await daemon.docker('rmi', name);
    expect(digestIn(await daemon.docker('pull', `${berth.host}/hello@${pushed}`))).toBe(pushed);
    for (const args of await pageCommands(berth, 'hello:1', 'docker'))
      expect(digestIn(await daemon.docker(...args))).toBe(pushed);
  }, 120_000);

  test('an image built FROM a pulled one can be pushed and pulled', async () => {
    await importImage(`${berth.host}/base:1`, { base: 'base\n' });
    await daemon.docker('push', `${berth.host}/base:1`);
    await daemon.docker('rmi', `${berth.host}/base:1`);
    await writeFile(join(scratch, 'added'), randomBytes(100_000));
    await writeFile(join(scratch, 'Dockerfile'), `FROM ${berth.host}/base:1\nCOPY added /added\n`);
    await daemon.docker('build', '-t', `${berth.host}/built:1`, scratch);
    const pushed = digestIn((await daemon.docker('push', `${berth.host}/built:1`)).split('\n').slice(-2).join('\n'));
    await daemon.docker('rmi', `${berth.host}/built:1`);
    expect(digestIn(await daemon.docker('pull', `${berth.host}/built:1`))).toBe(pushed);
  }, 120_000);

  test('docker push prints the figures of a quota without room', async () => {
    const file = join(scratch, 'quotas.yaml');
    await writeFile(file, 'quotas: [{ name: teams, match: "**", per: namespace, size: 100KiB }]\n');
    const limited = await startBerth({ BERTH_CONFIG: file });
    try {
      const name = `${new URL(limited.url).host}/acme/app:1`;
      await importImage(name, { random: randomBytes(300_000) });
      const refused = await daemon.docker('push', name).then(() => 'pushed', String);
      expect(refused).toMatch(/denied: quota "teams" of acme: .+ of 100 KiB are used, and this needs .+ more/);
      await daemon.docker('rmi', name);
    } finally {
      await limited.close();
    }
  }, 120_000);

  test('docker prints the reason of maintenance mode and the message of a rate limit at once', async () => {
    const limited = await startBerth({ BERTH_LIMITS_PULLS_PER_ADDRESS: '1/1h' });
    try {
      // The daemon has seen neither image: it keeps manifests for a while, and then asks with HEAD only, which does not count.
      for (const tag of ['1', '2']) await pushLayers('app', tag, [tar({ tag })], limited);
      const name = `localhost:${limited.port}/app`;
      await daemon.docker('pull', `${name}:1`);
      await expect(daemon.docker('pull', `${name}:2`)).rejects.toThrow(
        /toomanyrequests: the address 127\.0\.0\.1 has made 1 pulls \(GETs of manifests\) within 3600 seconds: wait \d+ seconds(?!, or log in)/,
      );
      await runCommand(['maintenance', 'on', '--reason', 'new disk'], limited.environment);
      const other = `localhost:${limited.port}/other:1`;
      await importImage(other, { file: 'other\n' });
      await expect(daemon.docker('push', other)).rejects.toThrow(
        /unsupported: the registry is read-only for maintenance \(new disk\)/,
      );
    } finally {
      await limited.close();
    }
  });

  test('a push to a second repository mounts the layers and uploads nothing', async () => {
    const name = `${berth.host}/first:1`;
    await importImage(name, { layer: randomBytes(50_000) });
    await daemon.docker('push', name);
    const before = await uploadsBefore('first/manifests/1');
    await daemon.docker('tag', name, `${berth.host}/second/of/it:1`);
    await daemon.docker('push', `${berth.host}/second/of/it:1`);
    expect(await uploadsBefore('second/of/it/manifests/1')).toBe(before + 1); // the configuration, which docker never mounts
    expect(berth.log()).toContain('&mount=sha256');
  }, 120_000);

  test('a pull downloads what the difference of two images says', async () => {
    const layers = ['one', 'two', 'three'].map((name) => tar({ [name]: randomBytes(20_000) }));
    const [one, two, three] = layers as [Buffer, Buffer, Buffer];
    const base = await pushLayers('steps', 'base', [one]);
    const above = await pushLayers('steps', 'above', [one, two]);
    const reordered = await pushLayers('steps', 'reordered', [three, one, two]);
    await daemon.docker('pull', `${berth.host}/steps:base`);
    // The log is written shortly after the answers: those of the configuration and the layer.
    await until(() => blobsSent('steps').length === 2);
    for (const [tag, from, to] of [
      ['above', base, above],
      ['reordered', above, reordered],
    ] as const) {
      const before = blobsSent('steps').length;
      await daemon.docker('pull', `${berth.host}/steps:${tag}`);
      const { bytes } = downloadSize(from, to);
      await until(() => sizeOf(to, blobsSent('steps').slice(before)) === bytes);
    }
  }, 120_000);

  test('a manifest list of two architectures can be pushed and pulled', async () => {
    for (const architecture of ['amd64', 'arm64']) {
      await importImage(`${berth.host}/multi:${architecture}`, { architecture });
      await daemon.docker('push', `${berth.host}/multi:${architecture}`);
    }
    const list = `${berth.host}/multi:latest`;
    await daemon.docker('manifest', 'create', '--insecure', list, `${berth.host}/multi:amd64`, `${berth.host}/multi:arm64`);
    await daemon.docker('manifest', 'annotate', list, `${berth.host}/multi:arm64`, '--arch', 'arm64');
    await daemon.docker('manifest', 'push', '--insecure', list);
    const inspected = JSON.parse(await daemon.docker('manifest', 'inspect', '--insecure', list)) as {
      manifests: { platform: { architecture: string } }[];
    };
    expect(inspected.manifests.map(({ platform }) => platform.architecture)).toEqual(['amd64', 'arm64']);
    await daemon.docker('pull', list);
  }, 120_000);

  test('a deleted image cannot be pulled, and the message says so', async () => {
    const name = `${berth.host}/gone:1`;
    await importImage(name, { gone: 'x' });
    await daemon.docker('push', name);
    await daemon.docker('rmi', name);
    expect((await call(berth, 'DELETE', '/v2/gone/manifests/1')).status).toBe(202);
    await expect(daemon.docker('pull', name)).rejects.toThrow('manifest for');
  }, 120_000);

  const asRoot = process.getuid?.() === 0 ? test : test.skip;
  // A bucket has no disk that the test could fill.
  if (process.env['TEST_BLOBS'] !== 's3')
    asRoot(
      'a push onto a full disk says so, and is not tried again',
      async () => {
        const disk = await mkdtemp(join(tmpdir(), 'berth-docker-disk-'));
        await run('mount', ['-t', 'tmpfs', '-o', `size=${16 * 1024 * 1024}`, 'tmpfs', disk]);
        const small = await startBerth({ BERTH_STORAGE_BLOBS_DIRECTORY: disk });
        try {
          const name = `${small.host}:${small.port}/large:1`;
          await importImage(name, { layer: randomBytes(40_000_000) });
          await expect(daemon.docker('push', name)).rejects.toThrow('no space left');
        } finally {
          await small.close();
          await run('umount', [disk]);
          await rm(disk, { recursive: true });
        }
      },
      120_000,
    );

  test('a layer of 128 MiB that does not compress can be pushed and pulled', async () => {
    const name = `${berth.host}/large:1`;
    await importImage(name, { large: randomBytes(128 * 1024 ** 2) });
    const pushed = digestIn(await daemon.docker('push', name));
    await daemon.docker('rmi', name);
    expect(digestIn(await daemon.docker('pull', name))).toBe(pushed);
    await daemon.docker('rmi', name);
  }, 120_000);
});
