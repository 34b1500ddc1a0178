import { mkdtemp, rm } from 'node:fs/promises';
import type { ChildProcess } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mediaTypes } from '../../src/oci/media-types.ts';
import { type BerthProcess, startBerthProcess } from '../support/berth-process.ts';
import { call } from '../support/call.ts';
import { descriptor, digestOf, pushBlob, putManifest } from '../support/images.ts';
import { describeWith } from '../support/requires.ts';
import { end, launch, run } from '../support/run.ts';
import { tar } from '../support/tar.ts';
import { until } from '../support/until.ts';

describeWith(['containerd', 'ctr'], "containerd's ctr", () => {
  let berth: BerthProcess;
  let containerd: ChildProcess;
  let home: string;
  const ctr = (...args: string[]) => run('ctr', ['--address', `${home}/socket`, ...args]);

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'berth-containerd-'));
    await writeFile(
      join(home, 'config.toml'),
      `version = 2\nroot = "${home}/root"\nstate = "${home}/state"\n[grpc]\naddress = "${home}/socket"\n[ttrpc]\naddress = "${home}/ttrpc"\n`,
    );
    containerd = launch('containerd', ['--config', `${home}/config.toml`, '--log-level', 'error'], () => undefined);
    berth = await startBerthProcess();
    await until(() =>
      ctr('version').then(
        () => true,
        () => false,
      ),
    );
  }, 60_000);
  afterAll(async () => {
    await Promise.all([berth.dispose(), end(containerd)]);
    await rm(home, { recursive: true, force: true });
  }, 60_000);

  test('pull, push under another name, pull that', async () => {
    const layer = tar({ hello: 'hello\n' });
    const compressed = gzipSync(layer);
    const config = JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      config: {},
      rootfs: { type: 'layers', diff_ids: [digestOf(layer)] },
    });
    await pushBlob(berth, 'ctr', compressed);
    await pushBlob(berth, 'ctr', config);
    const manifest = JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      config: descriptor(config, 'application/vnd.oci.image.config.v1+json'),
      layers: [descriptor(compressed, 'application/vnd.oci.image.layer.v1.tar+gzip')],
    });
    await putManifest(berth, 'ctr', '1', manifest);
    await ctr('images', 'pull', '--plain-http', '--snapshotter', 'native', `${berth.host}/ctr:1`);
    await ctr('images', 'tag', `${berth.host}/ctr:1`, `${berth.host}/pushed:2`);
    await ctr('images', 'push', '--plain-http', `${berth.host}/pushed:2`);
    expect((await call(berth, 'GET', '/v2/pushed/manifests/2')).header('docker-content-digest')).toBe(digestOf(manifest));
    await ctr('images', 'rm', `${berth.host}/pushed:2`, `${berth.host}/ctr:1`);
    await ctr('images', 'pull', '--plain-http', '--snapshotter', 'native', `${berth.host}/pushed:2`);
    expect(await ctr('images', 'ls')).toContain(digestOf(manifest));
  }, 120_000);
});
