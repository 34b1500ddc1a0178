import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { diffConfig } from '../../src/images/diff/config-diff.ts';
import { diffFiles } from '../../src/images/diff/file-diff.ts';
import { diffPackages } from '../../src/images/diff/package-diff.ts';
import { walkPairs } from '../../src/images/diff/walk-pairs.ts';
import type { Images } from '../../src/images/images.ts';
import { type ImageRoom, at, openImageRoom } from '../support/image-room.ts';
import { type TarEntry, tar } from '../support/tar.ts';

let room: ImageRoom;
let images: Images;
let pushes = 0;

beforeAll(async () => {
  room = await openImageRoom();
  images = room.replica();
});
afterAll(() => room.close());

const entry: fc.Arbitrary<TarEntry> = fc.oneof(
  fc.constantFrom('', 'one', 'other', 'a longer text'),
  fc.constantFrom({ type: 'symlink' as const, link: 'one' }, { type: 'directory' as const, mode: 0o700 }),
);
const layer = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd/e', 'd/f', '.wh.a', '.wh.d'), entry, { maxKeys: 5 });
const layers = fc.array(layer, { minLength: 1, maxLength: 3 });

async function open(contents: readonly Record<string, TarEntry>[]) {
  const tag = `t${pushes++}`;
  // A layer without an entry is no archive.
  await room.push(
    tag,
    contents.map((content) => tar({ 'base/': { type: 'directory' }, ...content })),
  );
  return images.openReady(at(tag), 60);
}

test('the diff of files from B to A mirrors that from A to B', async () => {
  await fc.assert(
    fc.asyncProperty(layers, layers, async (a, b) => {
      const [one, other] = [await open(a), await open(b)];
      const there = await diffFiles(one.index, other.index, 3);
      const back = await diffFiles(other.index, one.index, 3);
      expect(back).toEqual({
        added: there.removed,
        removed: there.added,
        changed: there.changed,
        addedBytes: there.removedBytes,
        removedBytes: there.addedBytes,
        files: there.files.map(({ from, to, ...file }) => ({ ...file, from: to, to: from })),
      });
      expect((await diffFiles(one.index, one.index, 3)).files).toEqual([]);
    }),
    { numRuns: 15 },
  );
});

test('a diff reads what two images share in memory once, and compares only the rest', async () => {
  const files = Object.fromEntries(Array.from({ length: 1500 }, (_, file) => [`f${String(file).padStart(4, '0')}`, `${file}`]));
  const [one, other] = [await open([files, { z: '1' }]), await open([files, { z: '2' }])];
  const [shared, differing] = await Promise.all([0, 1].map((frame) => one.index.frame(frame)));
  expect(await other.index.frame(0)).toBe(shared);
  expect(await other.index.frame(1)).not.toEqual(differing);
  const visited: (string | undefined)[] = [];
  const read = async function* ({ index }: typeof one) {
    for (const frame of [0, 1]) yield await index.frame(frame);
  };
  await walkPairs(read(one), read(other), (left) => visited.push(left?.name));
  expect(visited).toEqual(differing?.map(({ name }) => name));
  expect((await diffFiles(one.index, other.index, 3)).files.map(({ path }) => path)).toEqual(['z']);
});

const config = fc.record(
  {
    architecture: fc.constantFrom('amd64', 'arm64'),
    config: fc.record({
      Env: fc.array(fc.constantFrom('A=1', 'A=2', 'B', 'B=x=y')),
      User: fc.constantFrom('', 'root'),
      Cmd: fc.array(fc.string()),
    }),
  },
  { requiredKeys: [] },
);
const version = fc.record({
  name: fc.constantFrom('libc', 'kernel'),
  version: fc.constantFrom('1', '2', '3'),
  architecture: fc.constantFrom('amd64', 'i386'),
  format: fc.constantFrom('dpkg' as const, 'rpm' as const),
});

test('the diffs of configurations and packages mirror each other', () => {
  const turned = <Change extends { readonly from: unknown; readonly to: unknown }>(changes: readonly Change[]) =>
    changes.map((change) => ({ ...change, from: change.to, to: change.from }));
  const asSet = (changes: readonly object[]) => changes.map((change) => JSON.stringify(Object.entries(change).sort())).sort();
  fc.assert(
    fc.property(config, config, (a, b) => {
      expect(diffConfig(b, a)).toEqual(turned(diffConfig(a, b)));
      expect(diffConfig(a, a)).toEqual([]);
    }),
  );
  fc.assert(
    fc.property(fc.array(version), fc.array(version), (a, b) => {
      expect(asSet(diffPackages(b, a))).toEqual(asSet(turned(diffPackages(a, b))));
      expect(diffPackages(a, a)).toEqual([]);
    }),
  );
});
