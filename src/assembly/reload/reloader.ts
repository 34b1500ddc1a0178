import type { Config } from '../../../config/schema.ts';

/** A part of a running server that takes a new configuration without a restart. */
export interface Reloadable {
  /** Keys that it takes, with all keys below them: `limits`, `log.level`. */
  readonly keys: readonly string[];
  /**
   * Prepares the part for `next`, and reads files anew that keys name. Rejects if `next` cannot be used. The returned function
   * makes the part use it, and cannot fail.
   */
  prepare(next: Config): Promise<() => void> | (() => void);
}

/** What a reload has done. Keys are paths, without values. */
export interface ReloadReport {
  /** Changed keys that the server uses now. */
  readonly applied: readonly string[];
  /** Changed keys that the server uses after a restart only. */
  readonly needsRestart: readonly string[];
}

export interface Reloader {
  /** Makes the server use what can change of `next`. Rejects if a part cannot use it; then nothing has changed. */
  reload(next: Config): Promise<ReloadReport>;
}

/** `running`: the configuration that the server was started with. */
export function createReloader(running: Config, parts: readonly Reloadable[]): Reloader {
  let used: Tree = running;
  const takes = (path: string) => parts.some(({ keys }) => keys.some((key) => path === key || path.startsWith(`${key}.`)));

  return {
    async reload(next) {
      const switches: (() => void)[] = [];
      for (const part of parts) switches.push(await part.prepare(next));
      for (const use of switches) use();
      const changed = changedKeys(used, next);
      const [applied, needsRestart] = [changed.filter(takes), changed.filter((path) => !takes(path))];
      // The rest is named again by the next reload, until a restart.
      used = withKeys(used, next, applied);
      return { applied, needsRestart };
    },
  };
}

type Tree = Readonly<Record<string, unknown>>;

/** Returns the paths of the values that differ, sorted. */
function changedKeys(one: unknown, other: unknown, base = ''): readonly string[] {
  if (!isTree(one) || !isTree(other)) return JSON.stringify(one) === JSON.stringify(other) ? [] : [base];
  const names = [...new Set([...Object.keys(one), ...Object.keys(other)])].sort();
  return names.flatMap((name) => changedKeys(one[name], other[name], base === '' ? name : `${base}.${name}`));
}

/** Returns `one` with the values of `other` at the paths. */
function withKeys(one: Tree, other: Tree, paths: readonly string[], base = ''): Tree {
  const names = [...new Set([...Object.keys(one), ...Object.keys(other)])];
  return Object.fromEntries(
    names.map((name) => {
      const path = base === '' ? name : `${base}.${name}`;
      if (paths.includes(path)) return [name, other[name]];
      const [mine, theirs] = [one[name], other[name]];
      return [name, isTree(mine) && isTree(theirs) ? withKeys(mine, theirs, paths, path) : mine];
    }),
  );
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
