import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mediaTypes } from '../../src/oci/media-types.ts';
import { type TestBerth, startBerth } from '../support/berth.ts';
import { call } from '../support/call.ts';
import { runCommand } from '../support/command.ts';
import { startDockerRegistry } from '../support/docker-registry.ts';
import { type FakeUpstream, startFakeUpstream } from '../support/fake-upstream.ts';
import { type Server, type TestImage, digestOf, newIndex } from '../support/images.ts';
import { mirrorConfig } from '../support/mirror.ts';
import { describeWith } from '../support/requires.ts';
import { until } from '../support/until.ts';

describeWith(['docker-registry'], "the pull-through cache of Debian's docker-registry, adopted in place", () => {
  let home: string;
  let folder: string;
  let upstream: FakeUpstream;
  let berth: TestBerth;
  let image: TestImage;
  let removeConfig: () => Promise<void>;

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'berth-adopt-cache-'));
    folder = join(home, 'store');
    upstream = await startFakeUpstream();
    image = upstream.addImage('team/app', '1.0', 5000);
    const index = newIndex([image]);
    upstream.addManifest('team/app', 'multi', index, mediaTypes.ociIndex);
    const cache = await startDockerRegistry(folder, { sections: `proxy: { remoteurl: ${upstream.url} }\n` });
    for (const reference of ['1.0', 'multi']) await pull(cache, 'team/app', reference);
    for (const bytes of [image.layer, image.config]) await call(cache, 'GET', `/v2/team/app/blobs/${digestOf(bytes)}`);
    // It stores behind its answers, and writes its schedule every five seconds.
    const stored = async (path: string) =>
      stat(join(folder, path)).then(
        () => true,
        () => false,
      );
    const layers = 'docker/registry/v2/repositories/team/app/_layers/sha256';
    for (const bytes of [image.layer, image.config]) await until(() => stored(`${layers}/${digestOf(bytes).slice(7)}/link`));
    await until(() => stored('scheduler-state.json'));
    await cache.close();
    const config = await mirrorConfig({ upstreams: { 'registry.test': { url: upstream.url } } });
    removeConfig = config.remove;
    berth = await startBerth({
      BERTH_CONFIG: config.file,
      BERTH_STORAGE_BLOBS_DRIVER: 'filesystem',
      BERTH_STORAGE_BLOBS_DIRECTORY: folder,
    });
  }, 120_000);
  afterAll(async () => {
    await berth.close();
    await upstream.close();
    await removeConfig();
    await rm(home, { recursive: true });
  });

  function pull(server: Server, repository: string, reference: string) {
    const headers = { Accept: `${mediaTypes.ociManifest}, ${mediaTypes.ociIndex}` };
    return call(server, 'GET', `/v2/${repository}/manifests/${reference}`, { headers });
  }

  /** Path, inode and time of every file below `docker/`. */
  async function files(): Promise<readonly string[]> {
    const entries = await readdir(join(folder, 'docker'), { recursive: true, withFileTypes: true });
    const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    return Promise.all(paths.sort().map((path) => stat(path).then(({ ino, mtimeMs }) => `${path} ${ino} ${mtimeMs}`)));
  }

  test('asks for its upstream, adopts it as mirrored content and serves it with a check of the tag alone', async () => {
    const adopt = (...options: readonly string[]) => runCommand(['adopt', '--json', ...options], berth.environment);
    const refused = await adopt();
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('--upstream NAME')]);
    const unknown = await adopt('--upstream', 'other.test');
    expect([unknown.code, unknown.stderr]).toEqual([1, expect.stringContaining('other.test is not mirrored')]);
    const before = await files();
    expect((await adopt('--upstream', upstream.url)).code).toBe(0);
    expect(await files()).toEqual(before);
    const { code, stdout } = await adopt('--finish');
    expect([code, JSON.parse(stdout)]).toEqual([0, expect.objectContaining({ upstream: 'registry.test', tags: 2 })]);
    expect(await files()).toEqual(before.filter((line) => line.includes('/blobs/')));
    const repository = 'registry.test/team/app';
    const seen = upstream.requests.length;
    expect((await pull(berth, repository, '1.0')).body.toString()).toBe(image.manifest);
    expect((await pull(berth, repository, digestOf(newIndex([image])))).status).toBe(200);
    for (const bytes of [image.layer, Buffer.from(image.config)]) {
      const blob = await call(berth, 'GET', `/v2/${repository}/blobs/${digestOf(bytes)}`);
      expect([blob.status, blob.body.equals(bytes)]).toEqual([200, true]);
    }
    expect(
      upstream.requests
        .slice(seen)
        .filter(({ method }) => method === 'GET')
        .map(({ url }) => url),
    ).toEqual([]);
    const pushed = await call(berth, 'GET', '/v2/team/app/tags/list');
    expect(pushed.status).toBe(404);
  }, 120_000);
});
