import type { Children, Key } from './keys.ts';
import { schema } from './schema.ts';
import { variableName } from './variable-names.ts';

/** The description of a configuration key in help and documentation. */
export interface KeyDescription {
  /** Such as `storage.blobs.driver`, or `mirror.upstreams.<name>.url` in a map whose names the operator chooses. */
  readonly key: string;
  /** Such as `BERTH_STORAGE_BLOBS_DRIVER` or `BERTH_MIRROR_UPSTREAMS_<NAME>_URL`; null: only the file can set the key. */
  readonly variable: string | null;
  /** Form of a value, such as `true | false`. */
  readonly form: string;
  /** The default as text; null: not set. */
  readonly default: string | null;
  readonly description: string;
}

const placeholder = '<name>';

/** Stands for the number of an item in a list, from 0. */
const itemPlaceholder = '<n>';

/** Describes every key, those of maps included, in the order of the schema. */
export function describeKeys(): readonly KeyDescription[] {
  return describeChildren(schema.keys, []);
}

function describeChildren(keys: Children, base: readonly string[]): readonly KeyDescription[] {
  return Object.entries(keys).flatMap(([name, child]) => {
    const path = [...base, name];
    if (child.kind === 'key') return [describeKey(path, child)];
    if (child.kind === 'section') return describeChildren(child.keys, path);
    if (child.kind === 'list') {
      const list = { key: path.join('.'), variable: null, form: 'list of maps', default: null, description: child.description };
      return [list, ...describeChildren(child.keys, [...path, itemPlaceholder])];
    }
    const names = Object.keys(child.default).join(', ');
    const map = { key: path.join('.'), variable: null, form: 'map', default: names || null, description: child.description };
    return [map, ...describeChildren(child.keys, [...path, placeholder])];
  });
}

function describeKey(path: readonly string[], { form, default: written, description }: Key<unknown>): KeyDescription {
  return {
    key: path.join('.'),
    variable: variableOf(path),
    form,
    default: written === undefined || String(written) === '' ? null : String(written),
    description,
  };
}

/** Returns the variable of a key; null for the keys of lists and of maps within maps, which have none. */
function variableOf(path: readonly string[]): string | null {
  const maps = path.filter((name) => name === placeholder).length;
  if (maps > 1 || path.includes(itemPlaceholder)) return null;
  return maps === 0 ? variableName(path.join('.')) : variableName(path.join('.')).replace('_NAME_', '_<NAME>_');
}
