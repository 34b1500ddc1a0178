/** A package of an SBOM. Texts are '' where the document has none. */
export interface SbomPackage {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  /** Package URL. */
  readonly purl: string;
}

/** A list of the packages of an image. */
export interface Sbom {
  readonly kind: 'sbom';
  /** Such as `SPDX-2.3` or `CycloneDX 1.6`. */
  readonly format: string;
  /** At most 50,000, ascending by name. */
  readonly packages: readonly SbomPackage[];
  /** True if the document has more. */
  readonly hasMore: boolean;
}

/** Packages that are kept of a document. */
export const maxPackages = 50_000;

/** Returns the packages whose name or package URL contains a text, in any case. */
export function findPackages(packages: readonly SbomPackage[], text: string): readonly SbomPackage[] {
  const wanted = text.trim().toLowerCase();
  if (wanted === '') return packages;
  return packages.filter(({ name, purl }) => name.toLowerCase().includes(wanted) || purl.toLowerCase().includes(wanted));
}

/** Sorts the packages by name and version, and keeps at most 50,000. */
export function toSbom(format: string, found: readonly SbomPackage[]): Sbom {
  const packages = found
    .slice(0, maxPackages)
    .sort((one, other) => compare(one.name, other.name) || compare(one.version, other.version));
  return { kind: 'sbom', format, packages, hasMore: found.length > maxPackages };
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
