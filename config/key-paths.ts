import type { Children, Key } from './keys.ts';

/** A key that may be set by a variable. */
export interface KeyPath {
  /** Such as `storage.blobs.driver`. */
  readonly path: string;
  readonly key: Key<unknown>;
}

/** Returns every scalar key below `keys`, without those of maps whose names the operator chooses. */
export function scalarKeys(keys: Children, base: readonly string[] = []): readonly KeyPath[] {
  return Object.entries(keys).flatMap(([name, child]) => {
    const path = [...base, name];
    if (child.kind === 'key') return [{ path: path.join('.'), key: child }];
    return child.kind === 'section' ? scalarKeys(child.keys, path) : [];
  });
}

/**
 * Returns every scalar key of every entry: of the defaults and of those in the file (`tree`). An entry that the file removes
 * has none.
 */
export function entryKeys(keys: Children, tree: unknown, base: readonly string[] = []): readonly KeyPath[] {
  const written = isMap(tree) ? tree : {};
  return Object.entries(keys).flatMap(([name, child]) => {
    const path = [...base, name];
    if (child.kind === 'key' || child.kind === 'list') return [];
    if (child.kind === 'section') return entryKeys(child.keys, written[name], path);
    const own = isMap(written[name]) ? written[name] : {};
    const names = [...new Set([...Object.keys(child.default), ...Object.keys(own)])];
    return names.filter((entry) => own[entry] !== false).flatMap((entry) => scalarKeys(child.keys, [...path, entry]));
  });
}

function isMap(tree: unknown): tree is Readonly<Record<string, unknown>> {
  return typeof tree === 'object' && tree !== null && !Array.isArray(tree);
}
