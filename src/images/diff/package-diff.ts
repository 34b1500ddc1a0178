import type { PackageView } from '../view/package-view.ts';

/** A package that two images have differently. */
export interface ChangedPackage {
  readonly name: string;
  readonly format: PackageView['format'];
  readonly architecture: string;
  /** Null if only the other image has it. */
  readonly from: string | null;
  readonly to: string | null;
}

/** Compares two lists of packages. Of a package with several versions, such as a kernel, each version is shown by itself. */
export function diffPackages(from: readonly PackageView[], to: readonly PackageView[]): readonly ChangedPackage[] {
  const [before, after] = [groupByName(from), groupByName(to)];
  const keys = [...new Set([...before.keys(), ...after.keys()])].sort();
  return keys.flatMap((key) => {
    const [one, other] = [before.get(key) ?? [], after.get(key) ?? []];
    const removed = one.filter(({ version }) => !other.some((same) => same.version === version));
    const added = other.filter(({ version }) => !one.some((same) => same.version === version));
    const [was, is] = [removed[0], added[0]];
    if (removed.length === 1 && added.length === 1 && was && is) return [changeOf(was, was.version, is.version)];
    return [...removed.map((one) => changeOf(one, one.version, null)), ...added.map((one) => changeOf(one, null, one.version))];
  });
}

function changeOf({ name, format, architecture }: PackageView, from: string | null, to: string | null): ChangedPackage {
  return { name, format, architecture, from, to };
}

function groupByName(packages: readonly PackageView[]): ReadonlyMap<string, readonly PackageView[]> {
  return Map.groupBy(packages, ({ name, format, architecture }) => JSON.stringify([name, format, architecture]));
}
