import type { KeyPath } from './key-paths.ts';
import { type Key, secretFromFile } from './keys.ts';
import { unknownKey } from './nearest.ts';
import { conventionalVariables, otherVariables, variableName, withoutUnderscores } from './variable-names.ts';

/** The value of a key from the environment. */
export interface Variable {
  readonly name: string;
  readonly value: string;
}

/** Samplers are those of the program that the environment was written for, until berth sends traces. */
const countsWithTraces = new Set(['telemetry.sampler', 'telemetry.samplerRatio']);

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

function readSecret(path: string, name: string, file: string, values: Map<string, Variable>, errors: string[]): void {
  try {
    values.set(path, { name, value: secretFromFile(file) });
  } catch (error) {
    errors.push(`${name}: cannot read ${file}: ${(error as Error).message}`);
  }
}
