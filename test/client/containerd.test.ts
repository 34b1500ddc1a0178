import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mediaTypes } from '../../src/oci/media-types.ts';
import { type BerthProcess, startBerthProcess } from '../support/berth-process.ts';
import { call } from '../support/call.ts';
import { type Containerd, startContainerd } from '../support/containerd.ts';
import { descriptor, digestOf, pushBlob, putManifest } from '../support/images.ts';
import { pageCommands } from '../support/page-commands.ts';
import { describeWith } from '../support/requires.ts';
import { tar } from '../support/tar.ts';

describeWith(['containerd', 'ctr'], "containerd's ctr", () => {
  let berth: BerthProcess;
  let containerd: Containerd;

  beforeAll(async () => {
    [containerd, berth] = await Promise.all([startContainerd(), startBerthProcess()]);
  }, 60_000);
  afterAll(() => Promise.all([berth.dispose(), containerd.close()]), 60_000);

  test('pulls an image, pushes it under another name and pulls it again, also by the commands of the page', async () => {
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
    await containerd.ctr('images', 'pull', '--plain-http', '--snapshotter', 'native', `${berth.host}/ctr:1`);
    await containerd.ctr('images', 'tag', `${berth.host}/ctr:1`, `${berth.host}/pushed:2`);
    await containerd.ctr('images', 'push', '--plain-http', `${berth.host}/pushed:2`);
    expect((await call(berth, 'GET', '/v2/pushed/manifests/2')).header('docker-content-digest')).toBe(digestOf(manifest));
    await containerd.ctr('images', 'rm', `${berth.host}/pushed:2`, `${berth.host}/ctr:1`);
    await containerd.ctr('images', 'pull', '--plain-http', '--snapshotter', 'native', `${berth.host}/pushed:2`);
    expect(await containerd.ctr('images', 'ls')).toContain(digestOf(manifest));
    // The command of the page; this containerd has no configuration that says that the server has no TLS.
    for (const [images = '', pull = '', reference = ''] of await pageCommands(berth, 'pushed:2', 'ctr'))
      await containerd.ctr(images, pull, '--plain-http', '--snapshotter', 'native', reference);
    expect(await containerd.ctr('images', 'ls')).toContain(`${berth.host}/pushed@${digestOf(manifest)}`);
  }, 120_000);
});
