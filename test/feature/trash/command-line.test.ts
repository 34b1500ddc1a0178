import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mediaTypes } from '../../../src/oci/media-types.ts';
import { type TestBerth, startBerth } from '../../support/berth.ts';
import { call } from '../../support/call.ts';
import { runCommand } from '../../support/command.ts';
import { type TestImage, digestOf, newImage, newIndex, pushBlobs, pushImage, putManifest } from '../../support/images.ts';

let berth: TestBerth;
let directory: string;
beforeAll(async () => {
  berth = await startBerth({ BERTH_TAGS_IMMUTABLE: 'fixed/**:semver(*)', BERTH_DELETE_KINDS: 'tags' });
  directory = await mkdtemp(join(tmpdir(), 'berth-plans-'));
});
afterAll(async () => {
  await berth.close();
  await rm(directory, { recursive: true });
});

async function command(...words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runCommand(words, berth.environment);
  if (code !== 0) throw new Error(stderr);
  return stdout;
}
const commandJson = async (...words: readonly string[]) => JSON.parse(await command(...words, '--json')) as never;
const target = async (name: string, tag: string) => {
  const answer = await call(berth, 'HEAD', `/v2/${name}/manifests/${tag}`);
  return answer.status === 200 ? answer.header('docker-content-digest') : answer.status;
};
const trashOf = async (name: string): Promise<readonly { readonly id: number; readonly digest: string }[]> =>
  commandJson('trash', 'list', name);

/** Pushes an index with one child and a tag. */
async function pushIndex(name: string, tag: string): Promise<{ readonly digest: string; readonly child: TestImage }> {
  const child = newImage();
  await pushBlobs(berth, name, child);
  await putManifest(berth, name, child.digest, child.manifest);
  const index = newIndex([child]);
  await putManifest(berth, name, tag, index, mediaTypes.ociIndex);
  return { digest: digestOf(index), child };
}

test('trash put, list and restore: an image leaves with its children and comes back with its tags', async () => {
  const { digest, child } = await pushIndex('app', '1.0');
  const put = await commandJson('trash', 'put', 'app:1.0', '--reason', 'too old');
  expect([await target('app', '1.0'), await target('app', child.digest)]).toEqual([404, 404]);
  const [entry] = await trashOf('app');
  expect(put).toEqual({ entries: [entry?.id], changed: [] });
  expect(entry).toMatchObject({ repository: 'app', digest, tags: '1.0', manifests: 2, actor: 'command line', reason: 'too old' });
  expect(await command('trash', 'restore', 'app', String(entry?.id))).toBe('2 manifests restored, with tags: 1.0\n');
  expect([await target('app', '1.0'), await target('app', child.digest)]).toEqual([digest, child.digest]);
  await expect(command('trash', 'restore', 'app', String(entry?.id))).rejects.toThrow(/the trash of app has no entry/);
});

test('a command names the image that the registry does not have', async () => {
  await pushImage(berth, 'some', '1');
  await expect(command('trash', 'put', 'some:1', 'some:absent')).rejects.toThrow(/manifest unknown to registry: absent/);
  const digest = `sha256:${'0'.repeat(64)}`;
  await expect(command('why', `some@${digest}`)).rejects.toThrow(`manifest unknown to registry: ${digest}`);
});

test('trash restore is refused for a tag that has moved since, and takes another name for it', async () => {
  const old = await pushImage(berth, 'moved', '1');
  await command('trash', 'put', 'moved:1');
  const recent = await pushImage(berth, 'moved', '1');
  const [entry] = await trashOf('moved');
  const restore = ['trash', 'restore', 'moved', String(entry?.id)];
  await expect(command(...restore)).rejects.toThrow(new RegExp(`point at other manifests now: 1 \\(${recent.digest}\\)`));
  await command(...restore, '--rename', '1=1-old');
  expect([await target('moved', '1'), await target('moved', '1-old')]).toEqual([recent.digest, old.digest]);
});

test('a dry run writes nothing, and its plan executes exactly, minus what changed, which it names', async () => {
  const one = await pushIndex('planned', 'one');
  const two = await pushIndex('planned', 'two');
  const plan = await command('trash', 'put', 'planned:one', 'planned:two', '--dry-run', '--json');
  expect([await target('planned', 'one'), await target('planned', 'two'), await trashOf('planned')]).toEqual([
    one.digest,
    two.digest,
    [],
  ]);
  const file = join(directory, 'plan.json');
  await writeFile(file, plan);
  const moved = await pushImage(berth, 'planned', 'two');
  const { code, stdout, stderr } = await runCommand(['trash', 'put', '--plan', file], berth.environment);
  expect([code, stdout]).toEqual([1, '1 image deleted\n']);
  expect(stderr).toContain(`not deleted, because they have changed since the plan: planned@${two.digest}`);
  expect([await target('planned', one.digest), await target('planned', two.digest), await target('planned', 'two')]).toEqual([
    404,
    two.digest,
    moved.digest,
  ]);
});

test('trash empty deletes for good: blobs are 404 at once, unless another manifest needs them', async () => {
  const image = await pushImage(berth, 'emptied', '1');
  await command('trash', 'put', 'emptied:1');
  const blob = `/v2/emptied/blobs/${digestOf(image.layer)}`;
  expect((await call(berth, 'GET', blob)).status).toBe(200);
  expect(await commandJson('trash', 'empty', 'emptied', '--dry-run')).toMatchObject({
    deleted: false,
    entries: [{ manifests: 1 }],
  });
  expect((await call(berth, 'GET', blob)).status).toBe(200);
  const [entry] = await trashOf('emptied');
  const { stdout, stderr } = await runCommand(['trash', 'empty', '--entry', `${entry?.id},999999`], berth.environment);
  expect(stdout).toContain('1 entry deleted');
  expect(stderr).toContain('entry 999999 is not in the trash');
  expect((await call(berth, 'GET', blob)).status).toBe(404);
  expect(await trashOf('emptied')).toEqual([]);
});

test('hold: a held image is refused deletion with the reason, until the hold is removed', async () => {
  const image = await pushImage(berth, 'held', '1');
  expect(await command('hold', 'add', 'held:1', '--reason', 'court order 7', '--until', '90d')).toContain(image.digest);
  await expect(command('trash', 'put', 'held:1')).rejects.toThrow(/is on hold by command line until .*: court order 7/);
  expect(await commandJson('hold', 'list', 'held')).toMatchObject([{ digest: image.digest, reason: 'court order 7' }]);
  expect(await command('why', 'held:1')).toContain('kept by a hold until');
  await command('hold', 'remove', 'held:1');
  expect(await commandJson('hold', 'list')).toEqual([]);
  await command('trash', 'put', 'held:1');
  await expect(command('hold', 'add', 'held:1', '--reason', 'late')).rejects.toThrow(/manifest unknown/);
});

test('tag history names every move, and tag restore undoes them, also from the trash', async () => {
  const first = await pushImage(berth, 'history', 'latest');
  const second = await pushImage(berth, 'history', 'latest');
  await putManifest(berth, 'history', 'latest', second.manifest);
  expect(await command('tag', 'restore', 'history:latest')).toContain(`history:latest is ${first.digest}`);
  expect(await command('tag', 'restore', 'history:latest')).toContain(second.digest);
  await call(berth, 'DELETE', '/v2/history/manifests/latest');
  expect(await command('tag', 'restore', 'history:latest')).toContain(second.digest);
  await command('trash', 'put', `history@${first.digest}`);
  expect(await command('tag', 'restore', 'history:latest', '--to', first.digest)).toContain('of the trash');
  expect(await target('history', 'latest')).toBe(first.digest);
  const moves: readonly { readonly from: string | null; readonly to: string | null; readonly reason: string | null }[] =
    await commandJson('tag', 'history', 'history:latest');
  const [one, two] = [first.digest, second.digest];
  expect(moves.map(({ from, to }) => [from, to])).toEqual([
    [two, one],
    [null, two],
    [two, null],
    [one, two],
    [two, one],
    [one, two],
    [null, one],
  ]);
  expect(moves[0]).toMatchObject({ actor: 'command line', reason: 'restored from the history' });
  await expect(command('tag', 'restore', 'history:latest', '--to', digestOf('gone'))).rejects.toThrow(/any more/);
  await expect(command('tag', 'restore', 'history:none')).rejects.toThrow(/has pointed at no other manifest before/);
});

test('a restoration moves no immutable tag', async () => {
  const old = await pushImage(berth, 'fixed/app', 'x');
  const current = await pushImage(berth, 'fixed/app', '1.0.0');
  await expect(command('tag', 'restore', 'fixed/app:1.0.0', '--to', old.digest)).rejects.toThrow(/is immutable/);
  await expect(command('trash', 'put', 'fixed/app:1.0.0')).rejects.toThrow(/is immutable/);
  expect(await command('tag', 'restore', 'fixed/app:1.0.0', '--to', current.digest)).toContain(current.digest);
  expect(await target('fixed/app', '1.0.0')).toBe(current.digest);
});

test('why says what keeps an image, what its deletion frees, and who shares it', async () => {
  const { digest, child } = await pushIndex('why', 'main');
  await pushBlobs(berth, 'other', child);
  await putManifest(berth, 'other', 'copy', child.manifest);
  const bytes = child.layer.length + Buffer.byteLength(child.config) + Buffer.byteLength(child.manifest);
  const index = Buffer.byteLength(newIndex([child]));
  expect(await commandJson('why', 'why:main')).toMatchObject({
    digest,
    keepers: { tags: ['main'], parents: [] },
    deletion: { manifests: [digest, child.digest], freedBytes: index, sharedBytes: bytes },
    sharedWith: [{ repository: 'other', bytes: child.layer.length + Buffer.byteLength(child.config) }],
  });
  const text = await command('why', `why@${child.digest}`);
  expect(text).toContain(`kept by index ${digest}`);
  expect(text).toContain(`cannot be deleted: manifest ${child.digest} is needed by manifest ${digest}`);
  await command('trash', 'put', 'why:main');
  expect(await command('why', `why@${child.digest}`)).toContain('in the trash: entry');
  await expect(command('why', 'why:main')).rejects.toThrow(/manifest unknown/);
});

test.each([
  [['trash', 'put'], /name references, or --plan FILE/],
  [['trash', 'put', 'app'], /app is not a reference such as/],
  [['trash', 'put', '--plan', '/nonexistent'], /cannot read/],
  [['trash', 'restore', 'app', 'x'], /x is not the id of an entry/],
  [['trash', 'restore', 'app', '1', '--rename', 'a'], /--rename must be a list/],
  [['trash', 'restore', 'app', '1', '--rename', 'a=b c'], /b c is not a tag/],
  [['hold', 'add', 'app:1'], /missing --reason TEXT/],
  [['hold', 'add', 'app:1', '--reason', 'r', '--until', 'x'], /--until must be a duration/],
  [['tag', 'history', `app@${digestOf('x')}`], /does not name a tag/],
  [['tag', 'restore', 'app:1', '--to', 'x'], /x is not a digest/],
])('berth %j is refused', async (words, message) => {
  await expect(command(...words)).rejects.toThrow(message);
});
