import { secretFromFile } from './keys.ts';
import type { Children, Key } from './keys.ts';
import { unknownKey } from './nearest.ts';

/** The value of a key from the environment. */
export interface Variable {
  readonly name: string;
  readonly value: string;
}

/** A key that may be set by a variable. */
export interface KeyPath {
  /** Such as `storage.blobs.driver`. */
  readonly path: string;
  readonly key: Key<unknown>;
}

/** Variables that are not keys. */
const otherVariables = new Set(['BERTH_CONFIG']);

/** Variables that other programs also read. */
const conventionalVariables: Readonly<Record<string, readonly string[]>> = {
  'mirror.proxy.http': ['HTTP_PROXY', 'http_proxy'],
  'mirror.proxy.https': ['HTTPS_PROXY', 'https_proxy'],
  'mirror.proxy.none': ['NO_PROXY', 'no_proxy'],
  'telemetry.sampler': ['OTEL_TRACES_SAMPLER'],
  'telemetry.samplerRatio': ['OTEL_TRACES_SAMPLER_ARG'],
};

/** Samplers are those of the program that the environment was written for, until berth sends traces. */
const countsWithTraces = new Set(['telemetry.sampler', 'telemetry.samplerRatio']);

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

/**
 * Returns the variable of a key: `BERTH_STORAGE_BLOBS_S3_ACCESS_KEY_ID` of `storage.blobs.s3.accessKeyId`; other characters
 * become `_`.
 */
export function variableName(path: string): string {
  return `BERTH_${path
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replaceAll(/[^A-Za-z0-9]+/g, '_')
    .toUpperCase()}`;
}

/** Returns the values from the environment, by path. Underscores within the name of a key may be left out. */
export function readVariables(
  environment: Readonly<Record<string, string | undefined>>,
  known: readonly KeyPath[],
  errors: string[],
): Map<string, Variable> {
  const byVariable = Map.groupBy(known, ({ path }) => withoutUnderscores(variableName(path)));
  const values = new Map<string, Variable>();
  for (const [path, names] of Object.entries(conventionalVariables)) {
    const name = names.find((one) => (environment[one] ?? '') !== '');
    if (name !== undefined) values.set(path, { name, value: environment[name] ?? '' });
  }
  for (const [name, value] of Object.entries(environment)) {
    if (!name.startsWith('BERTH_') || otherVariables.has(name) || value === undefined) continue;
    const direct = byVariable.get(withoutUnderscores(name));
    const fromFile = name.endsWith('_FILE') ? byVariable.get(withoutUnderscores(name.slice(0, -'_FILE'.length))) : undefined;
    const [found, other] = direct ?? fromFile?.filter(({ key }) => key.secret) ?? [];
    if (other) errors.push(`${name} may mean ${found?.path ?? ''} or ${other.path}: set the right one in the file`);
    else if (!found)
      errors.push(
        unknownKey(
          name,
          known.map(({ path }) => variableName(path)),
        ),
      );
    else if (direct) values.set(found.path, { name, value });
    else readSecret(found.path, name, value, values, errors);
  }
  return values;
}

/**
 * Removes variables of other programs that berth could not read and does not need: a sampler that berth does not have must not
 * stop a start without traces. `tracesInFile`: the value of `telemetry.traces` in the file.
 */
export function dropUnusedVariables(values: Map<string, Variable>, known: readonly KeyPath[], tracesInFile: unknown): void {
  if ((values.get('telemetry.traces')?.value ?? tracesInFile) === 'export') return;
  for (const { path, key } of known) {
    const variable = countsWithTraces.has(path) ? values.get(path) : undefined;
    if (variable?.name.startsWith('OTEL_') && !accepts(key, variable.value)) values.delete(path);
  }
}

function accepts(key: Key<unknown>, value: string): boolean {
  try {
    key.parse(value);
    return true;
  } catch {
    return false;
  }
}

function withoutUnderscores(name: string): string {
  return name.replaceAll('_', '');
}

function readSecret(path: string, name: string, file: string, values: Map<string, Variable>, errors: string[]): void {
  try {
    values.set(path, { name, value: secretFromFile(file) });
  } catch (error) {
    errors.push(`${name}: cannot read ${file}: ${(error as Error).message}`);
  }
}
