import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type TestBerth, startBerth } from '../../support/berth.ts';
import { runCommand } from '../../support/command.ts';
import { type TestImage, digestOf, newIndex, pushImage, putManifest } from '../../support/images.ts';
import { mediaTypes } from '../../../src/oci/media-types.ts';

let berth: TestBerth;
let first: TestImage;
let second: TestImage;
let index: string;

beforeAll(async () => {
  const settings = { BERTH_STORAGE_BLOBS_DRIVER: 'filesystem', BERTH_STORAGE_BLOBS_LINKS: 'off' };
  berth = await startBerth(settings);
  first = await pushImage(berth, 'team/app', '1');
  second = await pushImage(berth, 'team/app', 'a-b');
  index = newIndex([first, second]);
  await putManifest(berth, 'team/app', 'a', index, mediaTypes.ociIndex);
  await pushImage(berth, 'other', '1');
});
afterAll(() => berth.close());

const exported = async (...options: readonly string[]) => {
  const { code, stdout, stderr } = await runCommand(
    ['export', '--layout', 'distribution', '--json', ...options],
    berth.environment,
  );
  return { code, stderr, reports: code === 0 ? (JSON.parse(stdout) as readonly Record<string, unknown>[]) : [] };
};
const repositories = () => join(berth.directory, 'docker/registry/v2/repositories');
const linkOf = (path: string) => join(repositories(), 'team/app', path, 'link');
const pathOf = (bytes: string | Uint8Array) => digestOf(bytes).replace(':', '/');
const linked = async (path: string) => (await readFile(linkOf(path))).toString();
const links = async () => (await readdir(repositories(), { recursive: true })).filter((path) => path.endsWith('/link')).sort();

test('a dry run reports what is missing and writes nothing', async () => {
  const { reports } = await exported('--dry-run');
  expect(reports).toEqual([
    { repository: 'other', blobs: 2, manifests: 1, tags: 1, missing: 4, wrong: 0, extra: 0, written: 0, deleted: 0 },
    { repository: 'team/app', blobs: 4, manifests: 3, tags: 3, missing: 10, wrong: 0, extra: 0, written: 0, deleted: 0 },
  ]);
  await expect(readdir(repositories())).rejects.toThrow('ENOENT');
});

test('an export shows its progress, and with --json only the report', async () => {
  const { stdout } = await runCommand(['export', '--layout', 'distribution', '--dry-run'], berth.environment);
  expect(stdout).toMatch(/^links 50 %  1 of 2 repositories\nlinks 100 %  2 of 2 repositories\nREPOSITORY/);
});

test('an export writes the links of all that was pushed, and the next one finds no difference', async () => {
  const { reports, stderr } = await exported();
  expect(reports).toMatchObject([
    { repository: 'other', written: 5 },
    { repository: 'team/app', written: 13 },
  ]);
  expect(stderr).toContain('2 repositories compared, 2 had differences');
  expect(await links()).toHaveLength(18);
  expect(await linked('_manifests/tags/a/current')).toBe(digestOf(index));
  expect(await linked(`_manifests/tags/a/index/${pathOf(index)}`)).toBe(digestOf(index));
  expect(await linked(`_manifests/revisions/${pathOf(first.manifest)}`)).toBe(digestOf(first.manifest));
  expect(await linked(`_layers/${pathOf(second.layer)}`)).toBe(digestOf(second.layer));
  expect((await exported()).reports).toEqual([]);
});

test('links that are lost, wrong, empty or too many are found, and only pruned on request', async () => {
  const before = await links();
  await rm(linkOf(`_manifests/revisions/${pathOf(first.manifest)}`));
  await writeFile(linkOf('_manifests/tags/1/current'), digestOf(second.manifest));
  await writeFile(linkOf(`_layers/${pathOf(first.layer)}`), '');
  const extra = [`_layers/${pathOf('x')}`, `_manifests/revisions/${pathOf('x')}`, '_manifests/tags/gone/current'];
  for (const path of extra) {
    await mkdir(dirname(linkOf(path)), { recursive: true });
    await writeFile(linkOf(path), digestOf('x'));
  }
  const found = { repository: 'team/app', missing: 1, wrong: 2, extra: 3 };
  expect((await exported('--dry-run')).reports).toMatchObject([{ ...found, written: 0, deleted: 0 }]);
  expect((await exported()).reports).toMatchObject([{ ...found, written: 3, deleted: 0 }]);
  expect(await linked('_manifests/tags/1/current')).toBe(digestOf(first.manifest));
  expect(await linked(`_layers/${pathOf(first.layer)}`)).toBe(digestOf(first.layer));
  expect((await exported('--prune')).reports).toMatchObject([{ missing: 0, wrong: 0, extra: 3, deleted: 3 }]);
  expect(await links()).toEqual(before);
  expect(await readdir(join(repositories(), 'team/app/_manifests/tags'))).toEqual(['1', 'a', 'a-b']);
  expect((await exported()).reports).toEqual([]);
});

test('links that berth has not written are left alone', async () => {
  await rm(join(berth.directory, 'links'), { recursive: true });
  const before = await links();
  const { code, stderr } = await exported('--prune');
  expect(code).toBe(1);
  expect(stderr).toContain('the store has links that berth has not written, such as docker/registry/v2/repositories/other/');
  expect(await links()).toEqual(before);
});

test('the command says that the layout is missing', async () => {
  expect(await runCommand(['export'], berth.environment)).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('missing images or --layout distribution'),
  });
});
