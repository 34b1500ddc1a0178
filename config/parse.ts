import { defineInvalid } from './invalid-value.ts';
import type { Child, Children, Entries, Key, List } from './keys.ts';
import { unknownKey } from './nearest.ts';
import type { Variable } from './variables.ts';
import type { YamlFile } from './yaml-file.ts';

/** The names that lead to a key. */
export type Path = readonly string[];

/** The operator's file and variables, and the errors found in them. */
interface Written {
  readonly file: YamlFile;
  readonly variables: ReadonlyMap<string, Variable>;
  readonly errors: string[];
}

/**
 * Parses the values of a section. Adds a sentence to `written.errors` for each invalid value and unknown key; reading an
 * invalid value throws `InvalidValue`.
 */
export function parseSection(keys: Children, values: unknown, base: Path, written: Written): Readonly<Record<string, unknown>> {
  const { file, errors } = written;
  const map = asMap(values, base, written);
  for (const name of Object.keys(map)) {
    const known = Object.keys(keys).map((key) => [...base, key].join('.'));
    if (!(name in keys)) errors.push(unknownKey([...base, name].join('.'), known) + inFile(file, [...base, name]));
  }
  const parsed: Record<string, unknown> = {};
  for (const [name, child] of Object.entries(keys)) {
    const value = parseChild(child, map[name], [...base, name], written);
    if (value === invalid) defineInvalid(parsed, name);
    else parsed[name] = value;
  }
  return parsed;
}

/** Marks a value that a key does not accept. */
const invalid = Symbol('invalid');

function parseChild(child: Child, value: unknown, path: Path, written: Written): unknown {
  if (child.kind === 'section') return parseSection(child.keys, value, path, written);
  if (child.kind === 'entries') return parseEntries(child, value, path, written);
  if (child.kind === 'list') return parseList(child, value, path, written);
  const variable = written.variables.get(path.join('.'));
  try {
    return child.parse(variable?.value ?? value ?? child.default);
  } catch (error) {
    const found = foundIn(child, variable?.value ?? value, variable?.name ?? written.file.sourceOf(path));
    written.errors.push(`${path.join('.')} ${(error as Error).message}${found}`);
    return invalid;
  }
}

/** Returns the end of a message: ` (found "none" in berth.yaml:3)`; without the value of a secret. */
function foundIn({ secret }: Key<unknown>, value: unknown, source: string | undefined): string {
  if (source === undefined) return '';
  const text = JSON.stringify(value);
  return secret ? ` (set in ${source})` : ` (found ${text.length > 80 ? `${text.slice(0, 80)}…` : text} in ${source})`;
}

/** Merges the operator's entries over the defaults; `false` removes one. */
function parseEntries({ keys, default: defaults }: Entries<Children>, value: unknown, path: Path, written: Written): unknown {
  const own = asMap(value, path, written);
  const names = [...new Set([...Object.keys(defaults), ...Object.keys(own)])].filter((name) => own[name] !== false);
  return Object.fromEntries(
    names.map((name) => {
      const entry = asMap(own[name], [...path, name], written);
      return [name, parseSection(keys, { ...defaults[name], ...entry }, [...path, name], written)];
    }),
  );
}

function parseList({ keys }: List<Children>, value: unknown, path: Path, written: Written): unknown {
  const items: unknown = value ?? [];
  if (Array.isArray(items)) return items.map((item, index) => parseSection(keys, item, [...path, String(index)], written));
  written.errors.push(`${path.join('.')} must be a list of maps${inFile(written.file, path)}`);
  return invalid;
}

function asMap(value: unknown, path: Path, { file, errors }: Written): Readonly<Record<string, unknown>> {
  if (value === undefined || value === null) return {};
  if (typeof value === 'object' && !Array.isArray(value)) return value as Record<string, unknown>;
  errors.push(`${path.join('.') || 'the configuration'} must be a map of keys${inFile(file, path)}`);
  return {};
}

function inFile(file: YamlFile, path: Path): string {
  const source = path.length === 0 ? undefined : file.sourceOf(path);
  return source === undefined ? '' : ` (${source})`;
}
