import { compareKeys, keyOf, pathOf } from '../index/entry-key.ts';
import type { Entry } from '../index/entry.ts';
import { mergeSorted } from '../index/merge-sorted.ts';
import { type MergedPath, mergePath } from './merge-path.ts';

/**
 * Merges layers, given from the bottom to the top as sorted entries, as unpacking them one over the other does (image-spec,
 * layer.md): yields each path once, in the order of an index.
 *
 * A directory is wiped by a layer that deletes it, replaces it or makes it opaque: nothing of the layers below remains in it.
 * Directories come before what is below them, so that the wipes of each are known then.
 */
export function* mergeLayers(layers: readonly Iterable<Entry>[]): Generator<MergedPath> {
  /** For directories with wipes of their own: the layers that wipe them, those of the directories above included. */
  const wipes = new Map<string, readonly number[]>();
  let directory: string | undefined;
  let inherited: readonly number[] = [];

  for (const group of mergeSorted(layers, compareKeys)) {
    const key = group[0]?.value;
    if (!key) continue;
    if (key.directory !== directory) {
      directory = key.directory;
      inherited = wipesOf(wipes, directory);
    }
    const { merged, ownWipes } = mergePath(
      group.map(({ value, from }) => ({ entry: value, layer: from })),
      inherited,
    );
    if (ownWipes.length > 0) wipes.set(pathOf(key), [...inherited, ...ownWipes]);
    yield merged;
  }
}

/** Looks for the nearest directory with wipes of its own. */
function wipesOf(wipes: ReadonlyMap<string, readonly number[]>, directory: string): readonly number[] {
  for (let path = directory; ; path = keyOf(path).directory) {
    const found = wipes.get(path);
    if (found || path === '') return found ?? [];
  }
}
