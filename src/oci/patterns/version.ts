/**
 * Versions in tags: Semantic Versioning 2.0.0 with an optional `v`. Build metadata follows `_`, as Helm writes it, because a
 * tag cannot contain `+`.
 */
export interface Version {
  /** Major, minor, patch: digits without leading zeros, of any length. */
  readonly numbers: readonly string[];
  /** Identifiers after `-`; empty for a release. */
  readonly prerelease: readonly string[];
}

const number = '(?:0|[1-9]\\d*)';
const identifier = `(?:${number}|\\d*[A-Za-z-][0-9A-Za-z-]*)`;
const grammar = new RegExp(
  `^v?(${number})\\.(${number})\\.(${number})(?:-(${identifier}(?:\\.${identifier})*))?(?:_[0-9A-Za-z.-]+)?$`,
);

/** Returns the version that a tag names; undefined for other tags, also for `1.2`, which moves. */
export function parseVersion(tag: string): Version | undefined {
  const [, major, minor, patch, prerelease] = grammar.exec(tag) ?? [];
  if (major === undefined || minor === undefined || patch === undefined) return undefined;
  return { numbers: [major, minor, patch], prerelease: prerelease?.split('.') ?? [] };
}

/** Compares by precedence (Semantic Versioning, section 11), exactly at any length: negative if `one` is older. */
export function compareVersions(one: Version, other: Version): number {
  for (const [index, digits] of one.numbers.entries()) {
    const order = compareDigits(digits, other.numbers[index] ?? '0');
    if (order !== 0) return order;
  }
  return comparePrereleases(one.prerelease, other.prerelease);
}

function compareDigits(one: string, other: string): number {
  return one.length - other.length || compareText(one, other);
}

/** A release is newer than its prereleases. */
function comparePrereleases(one: readonly string[], other: readonly string[]): number {
  if (one.length === 0 || other.length === 0) return other.length - one.length;
  for (const [index, identifier] of one.entries()) {
    const opposite = other[index];
    if (opposite === undefined) return 1;
    const order = compareIdentifiers(identifier, opposite);
    if (order !== 0) return order;
  }
  return one.length - other.length;
}

/** Numbers are older than words. */
function compareIdentifiers(one: string, other: string): number {
  const [isNumber, isOtherNumber] = [/^\d+$/.test(one), /^\d+$/.test(other)];
  if (isNumber && isOtherNumber) return compareDigits(one, other);
  if (isNumber !== isOtherNumber) return isNumber ? -1 : 1;
  return compareText(one, other);
}

function compareText(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
