import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { sweepLeftovers } from '../../../src/mirror/fills/leftovers.ts';
import { createPartials } from '../../../src/mirror/fills/partials.ts';
import type { Digest } from '../../../src/oci/digest.ts';
import { createOwnerTags } from '../../../storage/owner-tag.ts';
import { digestOf } from '../../support/images.ts';

test('files of broken downloads are deleted after a while, and the oldest ones above a limit', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'berth-partials-'));
  const partials = await createPartials(folder);
  const left = ['newest', 'new', 'old', 'owned', 'oldest'].map((text) => digestOf(text));
  for (const [age, digest] of left.entries()) {
    await writeFile(partials.pathOf(digest), Buffer.alloc(10));
    await utimes(partials.pathOf(digest), 1000 - age, 1000 - age);
  }
  const [newest = '', next = '', , owned = ''] = left.map((digest) => digest.replace(':', '-'));
  const sweep = async (before: number, maxBytes: number) => sweepLeftovers(await partials.leftovers(), before, maxBytes);
  const claim = await partials.lock(left[3] as Digest);
  expect(await sweep(997_000, 1000)).toBe(1);
  expect(await sweep(0, 25)).toBe(1);
  expect((await readdir(folder)).sort()).toEqual([newest, next, owned, `${owned}.owner`].sort());
  await claim?.release();
  expect(await sweep(Infinity, Infinity)).toBe(3);
  expect(await readdir(folder)).toEqual([]);
  await rm(folder, { recursive: true });
});

test('files of crashed processes stay until the folder is tidied, and block no download meanwhile', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'berth-partials-'));
  const crashed = (await createOwnerTags()).own.replace(/[^.]*$/, '00000000');
  const [one, other] = [digestOf('one'), digestOf('other')];
  const names = [one, other].map((digest) => `${digest.replace(':', '-')}.owner`);
  for (const name of names) await writeFile(join(folder, name), `${crashed} 10`);
  await writeFile(join(folder, `${names[0] ?? ''}.${crashed}.draft`), crashed);
  await writeFile(join(folder, `${digestOf('one').replace(':', '-')}.reader.${crashed}.1`), '');
  const partials = await createPartials(folder);
  expect(await readdir(folder)).toHaveLength(4);
  const claim = await partials.lock(one);
  expect([claim !== undefined, await partials.isFollowed(one)]).toEqual([true, false]);
  await partials.removeAbandoned();
  expect(await readdir(folder)).toEqual([names[0]]);
  await rm(folder, { recursive: true });
});

test('the owner of a download knows its readers in other processes', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'berth-partials-'));
  const [owner, other] = [await createPartials(folder), await createPartials(folder)];
  const [read, unread] = [digestOf('read'), digestOf('unread')];
  const follower = await other.follow(read);
  expect([await owner.isFollowed(read), await owner.isFollowed(unread)]).toEqual([true, false]);
  await follower.unsubscribe();
  expect(await owner.isFollowed(read)).toBe(false);
  expect(await readdir(folder)).toEqual([]);
  await rm(folder, { recursive: true });
});

test('one of many processes gets the lock of a blob', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'berth-claims-'));
  const [one, two] = [await createPartials(directory), await createPartials(directory)];
  for (let round = 0; round < 100; round++) {
    const digest = digestOf(randomBytes(8));
    const claims = await Promise.all([one, two, one, two].map((partials) => partials.lock(digest)));
    expect(claims.filter((claim) => claim !== undefined)).toHaveLength(1);
  }
  await rm(directory, { recursive: true });
});
