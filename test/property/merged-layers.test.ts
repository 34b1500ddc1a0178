import { createHash } from 'node:crypto';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { pathOf } from '../../src/images/index/entry-key.ts';
import { mergeLayers } from '../../src/images/merge/merge-layers.ts';
import { indexLayer } from '../support/layer-index.ts';
import { type TarEntry, tar } from '../support/tar.ts';

/** A path of a container's file system, as an unpacker leaves it. */
type Node = 'directory' | `file ${string}` | `symlink ${string}` | `hardlink ${string}`;

const names = ['a', 'b', 'a-b', 'ab'];
const path = fc.array(fc.constantFrom(...names), { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
const change = fc.oneof(
  fc.record({ kind: fc.constantFrom('file' as const), path, content: fc.constantFrom('', 'one', 'two') }),
  fc.record({ kind: fc.constant('directory' as const), path }),
  fc.record({ kind: fc.constant('whiteout' as const), path }),
  fc.record({ kind: fc.constant('opaque' as const), path }),
  fc.record({ kind: fc.constantFrom('symlink' as const, 'hardlink' as const), path, link: path }),
);
type LayerChange = typeof change extends fc.Arbitrary<infer Value> ? Value : never;

/** Leaves out what no archive has: two entries of one path, and entries below one that is no directory. */
function possible(changes: readonly LayerChange[]): readonly LayerChange[] {
  const kept: LayerChange[] = [];
  for (const one of changes) {
    const isWhiteout = one.kind === 'whiteout';
    const others = kept.filter(({ kind }) => (kind === 'whiteout') === isWhiteout && kind !== 'opaque');
    const isTwice = one.kind !== 'opaque' && others.some((other) => other.path === one.path);
    const isBelow = (upper: LayerChange, lower: LayerChange) =>
      upper.kind !== 'directory' &&
      upper.kind !== 'whiteout' &&
      upper.kind !== 'opaque' &&
      (lower.path.startsWith(`${upper.path}/`) || (lower.kind === 'opaque' && lower.path === upper.path));
    if (!isTwice && !kept.some((other) => isBelow(other, one) || isBelow(one, other))) kept.push(one);
  }
  return kept;
}

function archiveOf(changes: readonly LayerChange[]): Buffer {
  const entries: Record<string, TarEntry> = {};
  for (const one of changes) {
    const slash = one.path.lastIndexOf('/') + 1;
    if (one.kind === 'file') entries[one.path] = one.content;
    else if (one.kind === 'directory') entries[`${one.path}/`] = { type: 'directory' };
    else if (one.kind === 'symlink' || one.kind === 'hardlink') entries[one.path] = { type: one.kind, link: one.link };
    else if (one.kind === 'whiteout') entries[`${one.path.slice(0, slash)}.wh.${one.path.slice(slash)}`] = '';
    else entries[`${one.path}/.wh..wh..opq`] = '';
  }
  return tar(entries);
}

/** Unpacks layers one over the other, as the image specification says: first what a layer deletes, then what it has. */
function unpack(layers: readonly (readonly LayerChange[])[]): ReadonlyMap<string, Node> {
  const files = new Map<string, Node>();
  const removeBelow = (path: string) => {
    for (const known of [...files.keys()]) if (known.startsWith(`${path}/`)) files.delete(known);
  };
  const makeParents = (path: string) => {
    const parts = path.split('/');
    for (let depth = 1; depth < parts.length; depth++) {
      const parent = parts.slice(0, depth).join('/');
      if (files.get(parent) !== 'directory') files.set(parent, 'directory');
    }
  };
  for (const changes of layers) {
    for (const { kind, path } of changes) {
      if (kind === 'whiteout' || kind === 'opaque') removeBelow(path);
      if (kind === 'whiteout') files.delete(path);
    }
    for (const one of changes) {
      makeParents(one.path);
      if (one.kind === 'whiteout') continue;
      if (one.kind === 'directory' || one.kind === 'opaque') {
        files.set(one.path, 'directory');
        continue;
      }
      removeBelow(one.path);
      files.set(one.path, nodeOf(one));
    }
  }
  return files;
}

function nodeOf(one: Exclude<LayerChange, { readonly kind: 'directory' | 'whiteout' | 'opaque' }>): Node {
  return one.kind === 'file' ? `file ${hashOf(one.content)}` : `${one.kind} ${one.link}`;
}

const hashOf = (content: string) => createHash('sha256').update(content).digest('hex');

test('the merged view of layers is what an unpacker leaves on the disk', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(change, { maxLength: 8 }).map(possible), { minLength: 1, maxLength: 5 }),
      async (layers) => {
        const indexes = await Promise.all(layers.map((changes) => indexLayer(archiveOf(changes))));
        const merged = new Map<string, Node>();
        for (const { visible } of mergeLayers(indexes.map(({ entries }) => entries))) {
          if (!visible || visible.name === '') continue;
          const { type, sha256, link } = visible;
          const node = type === 'directory' ? type : type === 'file' ? `file ${sha256}` : `${type} ${link}`;
          merged.set(pathOf(visible), node as Node);
        }
        const byPath = (files: ReadonlyMap<string, Node>) => [...files].sort(([one], [other]) => (one < other ? -1 : 1));
        expect(byPath(merged)).toEqual(byPath(unpack(layers)));
      },
    ),
    { numRuns: 100 },
  );
});
