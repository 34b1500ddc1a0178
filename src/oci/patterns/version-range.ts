import { type Version, compareVersions, parseVersion } from './version.ts';

/** True for the versions of a range. */
export type VersionRange = (version: Version) => boolean;

/** From `least` (inclusive) to `end` (exclusive). */
interface Interval {
  readonly least: Version;
  readonly end: Version;
}

const comparator = /^(>=|<=|>|<|=|\^|~)?v?(\d+(?:\.\d+){0,2}(?:-[0-9A-Za-z.-]+)?)$/;

/**
 * Parses `*`, or conditions separated by spaces that must all be met: `>=1.2.0`, `>1.2.0`, `<2`, `<=2.1.0`, `1.4` (all of
 * 1.4), `^1.2` (below 2.0.0), `~1.2.3` (below 1.3.0). Prereleases are included and compared by precedence: 2.0.0-rc.1 is below
 * 2.0.0, but not matched by `<2`, `^1` or `~1.9`, which end before the prereleases of their end. Undefined for other texts.
 */
export function parseVersionRange(text: string): VersionRange | undefined {
  if (text === '*') return () => true;
  const conditions = text.split(/ +/).map(parseCondition);
  if (!conditions.every((condition) => condition !== undefined)) return undefined;
  return (version) => conditions.every((condition) => condition(version));
}

function parseCondition(text: string): VersionRange | undefined {
  const [, operator = '=', written = ''] = comparator.exec(text) ?? [];
  const parts = written.split('.').length < 3 ? written.split('.') : undefined;
  const version = parseVersion(parts ? [...parts, '0', '0'].slice(0, 3).join('.') : written);
  if (!version) return undefined;
  if (parts && (operator === '>' || operator === '<=')) return undefined;
  if (operator === '>=') return (other) => compareVersions(other, version) >= 0;
  if (operator === '>') return (other) => compareVersions(other, version) > 0;
  if (operator === '<=') return (other) => compareVersions(other, version) <= 0;
  if (operator === '<') {
    const end = parts ? beforePrereleases(version) : version;
    return (other) => compareVersions(other, end) < 0;
  }
  if (operator === '=' && !parts) return (other) => compareVersions(other, version) === 0;
  const { least, end } = intervalOf(version, partThatIncreases(operator, version, parts?.length ?? 3));
  return (other) => compareVersions(other, least) >= 0 && compareVersions(other, end) < 0;
}

/** Returns the place of the number whose next value ends the interval. `written`: how many numbers the condition has. */
function partThatIncreases(operator: string, { numbers }: Version, written: number): number {
  if (operator === '=') return written - 1;
  if (operator === '~') return Math.min(written, 2) - 1;
  const first = numbers.findIndex((digits) => digits !== '0');
  return first < 0 || first >= written ? written - 1 : first;
}

function intervalOf(least: Version, part: number): Interval {
  const numbers = least.numbers.map((digits, index) =>
    index < part ? digits : index === part ? String(BigInt(digits) + 1n) : '0',
  );
  return { least, end: beforePrereleases({ numbers, prerelease: [] }) };
}

/** Returns the version below every prerelease of the version. */
function beforePrereleases({ numbers }: Version): Version {
  return { numbers, prerelease: ['0'] };
}
