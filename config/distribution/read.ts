import { createRequire } from 'node:module';
import type { Tree } from './convert.ts';
import { rules } from './rules.ts';

/** A key with its value: a text, number, flag or list. */
export interface Leaf {
  /** Dotted path in lower case, such as `storage.filesystem.rootdirectory`. */
  readonly path: string;
  readonly value: unknown;
}

export interface DistributionConfig extends Tree {
  readonly leaves: readonly Leaf[];
}

type Json = Record<string, unknown>;

/**
 * Reads a configuration file of Distribution, with the `REGISTRY_*` variables that override it. Keys that appear twice keep the
 * last value. Throws for a file that is no YAML map.
 */
export function readDistributionConfig(
  yaml: string,
  environment: Readonly<Record<string, string | undefined>>,
): DistributionConfig {
  const { parse } = createRequire(import.meta.url)('yaml') as typeof import('yaml');
  const document: unknown = parse(yaml, { uniqueKeys: false }) ?? {};
  if (!isMap(document)) throw new Error('is not a configuration file of registry:2: a YAML map is expected');
  const tree = lowerCase(document);
  for (const [name, text] of Object.entries(environment)) {
    if (!name.startsWith('REGISTRY_') || text === undefined) continue;
    const value: unknown = parse(text, { uniqueKeys: false });
    set(tree, pathOfVariable(name), isMap(value) ? lowerCase(value) : value);
  }
  return { leaves: leavesOf(tree, []), get: (path) => path.split('.').reduce<unknown>(step, tree) };
}

function isMap(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Distribution compares keys without regard to case. Names of headers stay as they are in the values. */
function lowerCase(map: Json): Json {
  const entries = Object.entries(map).map(([name, value]) => [name.toLowerCase(), isMap(value) ? lowerCase(value) : value]);
  return Object.fromEntries(entries) as Json;
}

function step(value: unknown, name: string): unknown {
  return isMap(value) ? value[name] : undefined;
}

/** An underscore separates the parts of a path. Some parts have underscores: known keys are preferred. */
function pathOfVariable(name: string): readonly string[] {
  const words = name.slice('REGISTRY_'.length).toLowerCase();
  const known = Object.keys(rules).find((path) => path.replaceAll('.', '_') === words);
  return known?.split('.') ?? words.split('_').filter((word) => !/^\d+$/.test(word));
}

function set(tree: Json, path: readonly string[], value: unknown): void {
  const [name = '', ...rest] = path;
  if (rest.length === 0) {
    tree[name] = value;
    return;
  }
  const child = tree[name];
  const map = isMap(child) ? child : {};
  tree[name] = map;
  set(map, rest, value);
}

function leavesOf(map: Json, base: readonly string[]): readonly Leaf[] {
  return Object.entries(map).flatMap(([name, value]): readonly Leaf[] => {
    const path = [...base, name];
    return isMap(value) && Object.keys(value).length > 0 ? leavesOf(value, path) : [{ path: path.join('.'), value }];
  });
}
