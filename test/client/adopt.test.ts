import { mkdir, mkdtemp, readdir, rm, stat, symlink, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mediaTypes } from '../../src/oci/media-types.ts';
import { type TestBerth, startBerth } from '../support/berth.ts';
import { call } from '../support/call.ts';
import { type DockerRegistry, startDockerRegistry } from '../support/docker-registry.ts';
import { runCommand } from '../support/command.ts';
import {
  type Server,
  type TestImage,
  digestOf,
  newImage,
  newIndex,
  pushImage,
  putManifest,
  startUpload,
} from '../support/images.ts';
import { isLong } from '../support/long.ts';
import { describeWith } from '../support/requires.ts';
import { until } from '../support/until.ts';

/** Pushes a blob in two requests: this registry takes no content with the first one. */
async function pushBlobTo(server: Server, repository: string, bytes: Uint8Array | string): Promise<void> {
  const { pathname, search } = new URL(await startUpload(server, repository), server.url);
  const target = `${pathname}${search}${search === '' ? '?' : '&'}digest=${digestOf(bytes)}`;
  const answer = await call(server, 'PUT', target, { body: bytes, headers: { 'Content-Type': 'application/octet-stream' } });
  if (answer.status !== 201) throw new Error(`push of a blob: ${answer.status} ${answer.body.toString()}`);
}

/** Pushes an image, under a tag or its digest. */
async function pushTo(server: Server, repository: string, tag?: string, image = newImage()): Promise<TestImage> {
  for (const bytes of [image.layer, image.config]) await pushBlobTo(server, repository, bytes);
  const answer = await putManifest(server, repository, tag ?? image.digest, image.manifest);
  if (answer.status !== 201) throw new Error(`push of a manifest: ${answer.status} ${answer.body.toString()}`);
  return image;
}

const images = isLong ? 400 : 12;
const adoptedTags = ['1.0', 'again', 'multi'];

describeWith(['docker-registry'], "the store of Debian's docker-registry, adopted in place", () => {
  let home: string;
  let folder: string;
  let berth: TestBerth;
  let old: DockerRegistry;
  let first: TestImage;

  async function startRegistry(): Promise<void> {
    old = await startDockerRegistry(folder, { storage: 'delete: { enabled: true }' });
  }

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'berth-adopt-'));
    folder = join(home, 'store');
    await startRegistry();
    first = await pushTo(old, 'team/app', '1.0');
    const [amd64, arm64] = [await pushTo(old, 'team/app'), await pushTo(old, 'team/app')];
    await putManifest(old, 'team/app', 'multi', newIndex([amd64, arm64]), mediaTypes.ociIndex);
    await pushTo(old, 'team/app', 'again');
    await pushTo(old, 'team/app', 'again');
    const deleted = await pushTo(old, 'team/app', 'deleted');
    await call(old, 'DELETE', `/v2/team/app/manifests/${digestOf(deleted.manifest)}`);
    await startUpload(old, 'team/app');
    for (let index = 0; index < images; index++) await pushTo(old, `many/of-${index % 7}`, `v${index}`);
    await damage();
    berth = await startBerth({ BERTH_STORAGE_BLOBS_DRIVER: 'filesystem', BERTH_STORAGE_BLOBS_DIRECTORY: folder });
  }, 300_000);
  afterAll(async () => {
    await old.close();
    await berth.close();
    await rm(home, { recursive: true });
  });

  const at = (path: string) => join(folder, 'docker/registry/v2', path);

  /** What years of operation leave behind. */
  async function damage(): Promise<void> {
    const image = await pushTo(old, 'damaged', 'lost');
    await unlink(at(`blobs/sha256/${image.digest.slice(7, 9)}/${image.digest.slice(7)}/data`));
    await pushTo(old, 'damaged', 'empty');
    await writeFile(at('repositories/damaged/_manifests/tags/empty/current/link'), '');
    await pushTo(old, 'damaged', 'sound');
    await mkdir(at('repositories/lost+found'), { recursive: true });
    await writeFile(at('repositories/lost+found/.nfs0001'), '');
    await symlink('/nowhere', at('repositories/link'));
  }

  /** Path, inode, size and times of everything below `docker/`. */
  async function filesBelowDocker(): Promise<readonly string[]> {
    const names = await readdir(join(folder, 'docker'), { recursive: true, withFileTypes: true });
    const files = names
      .filter((entry) => entry.isFile() || entry.isDirectory())
      .map((entry) => join(entry.parentPath, entry.name));
    return Promise.all(
      files.sort().map(async (path) => {
        const { ino, size, mtimeMs, ctimeMs } = await stat(path);
        return `${path} ${ino} ${size} ${mtimeMs} ${ctimeMs}`;
      }),
    );
  }

  const adopt = async (...options: readonly string[]) => {
    const { code, stdout, stderr } = await runCommand(['adopt', '--json', ...options], berth.environment);
    expect([code, stderr]).toEqual([0, expect.any(String)]);
    return JSON.parse(stdout) as { tags: number; finishedAt: string | null; oddities: Record<string, number> };
  };

  const accepted = { headers: { Accept: `${mediaTypes.ociManifest}, ${mediaTypes.ociIndex}` } };
  /** Returns the manifest with its content, or the status. */
  async function pulled(server: Server, repository: string, reference: string): Promise<string | number> {
    const answer = await call(server, 'GET', `/v2/${repository}/manifests/${reference}`, accepted);
    if (answer.status !== 200) return answer.status;
    const text = answer.body.toString();
    type Contents = Partial<Record<'layers' | 'manifests', { digest: string }[]>> & { config?: { digest: string } };
    const { config, layers = [], manifests = [] } = JSON.parse(text) as Contents;
    const parts = [text, answer.header('content-type')];
    for (const { digest } of [...(config ? [config] : []), ...layers]) {
      const blob = await call(server, 'GET', `/v2/${repository}/blobs/${digest}`);
      parts.push(`${blob.status} ${digestOf(blob.body)}`);
    }
    for (const { digest } of manifests) parts.push(String(await pulled(server, repository, digest)));
    return parts.join('\n');
  }

  async function tagsOf(server: Server, repository: string): Promise<readonly string[]> {
    const { tags } = (await call(server, 'GET', `/v2/${repository}/tags/list`)).json() as { tags: string[] | null };
    return (tags ?? []).sort();
  }

  async function expectEqual(repository: string): Promise<void> {
    const tags = await tagsOf(old, repository);
    expect(await tagsOf(berth, repository)).toEqual(tags);
    for (const tag of tags) {
      const expected = await pulled(old, repository, tag);
      expect(expected).toEqual(expect.any(String));
      expect(await pulled(berth, repository, tag)).toBe(expected);
    }
  }

  test('every sound tag pulls equal bytes, and no file below docker/ has changed', async () => {
    const before = await filesBelowDocker();
    const { tags, finishedAt, oddities } = await adopt();
    expect(await filesBelowDocker()).toEqual(before);
    expect({ tags, finishedAt }).toEqual({ tags: adoptedTags.length + images + 1, finishedAt: null });
    expect(oddities).toEqual({
      'empty-link': 1,
      'foreign-file': 1,
      'missing-manifest': 1,
      symlink: 1,
      'tag-without-manifest': 1,
      'unfinished-upload': 1,
    });
    await expectEqual('team/app');
    for (let index = 0; index < 7; index++) await expectEqual(`many/of-${index}`);
    expect(await tagsOf(berth, 'damaged')).toEqual(['sound']);
  }, 300_000);

  test('--finish takes over what was pushed to the old registry meanwhile', async () => {
    await pushTo(old, 'team/app', '1.0');
    await pushTo(old, 'team/late', '1');
    const { finishedAt } = await adopt('--finish');
    expect(finishedAt).toEqual(expect.any(String));
    await expectEqual('team/app');
    await expectEqual('team/late');
    expect((await adopt('--status')).finishedAt).toBe(finishedAt);
    const again = await runCommand(['adopt'], berth.environment);
    expect([again.code, again.stderr]).toEqual([1, expect.stringContaining('the adoption is finished')]);
  });

  test('the old registry serves what was pushed to berth after that, and everything from before', async () => {
    await old.close();
    berth = await berth.restart();
    const later = await pushImage(berth, 'team/app', 'later');
    await call(berth, 'DELETE', '/v2/team/app/manifests/again');
    const links = at('repositories/team/app/_manifests/tags');
    await until(async () => (await readdir(links)).includes('later') && !(await readdir(links)).includes('again'));
    await startRegistry();
    expect(await tagsOf(old, 'team/app')).toEqual(['1.0', 'later', 'multi']);
    expect(await pulled(old, 'team/app', 'later')).toContain(later.manifest);
    expect(await pulled(old, 'team/app', digestOf(first.manifest))).toContain(first.manifest);
    await expectEqual('team/app');
    await expectEqual('many/of-1');
  });
});
