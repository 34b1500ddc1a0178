import { createRequire } from 'node:module';
import type { Tree } from './convert.ts';
import { rules } from './rules.ts';
import { type Json, isMap, lowerCase, set, step } from './tree.ts';

/** A key with its value: a text, number, flag or list. */
export interface Leaf {
  /** Dotted path in lower case, such as `storage.filesystem.rootdirectory`. */
  readonly path: string;
  readonly value: unknown;
}

export interface DistributionConfig extends Tree {
  readonly leaves: readonly Leaf[];
}

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

/** An underscore separates the parts of a path. Some parts have underscores: known keys are preferred. */
function pathOfVariable(name: string): readonly string[] {
  const words = name.slice('REGISTRY_'.length).toLowerCase();
  const known = Object.keys(rules).find((path) => path.replaceAll('.', '_') === words);
  return known?.split('.') ?? words.split('_').filter((word) => !/^\d+$/.test(word));
}

function leavesOf(map: Json, base: readonly string[]): readonly Leaf[] {
  return Object.entries(map).flatMap(([name, value]): readonly Leaf[] => {
    const path = [...base, name];
    return isMap(value) && Object.keys(value).length > 0 ? leavesOf(value, path) : [{ path: path.join('.'), value }];
  });
}
