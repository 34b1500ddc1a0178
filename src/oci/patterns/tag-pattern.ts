import { parseGlob } from './glob.ts';
import { parseVersion } from './version.ts';
import { parseVersionRange } from './version-range.ts';

/**
 * A tag pattern.
 *
 * - `main`, `pr-*`, `{main,dev}-*`: a glob, see `parseGlob`.
 * - `semver(*)`, `semver(>=1.2.0 <2)`: versions of a range, see `parseVersionRange`.
 * - `@untagged`: manifests without a tag. It matches no tag.
 */
export interface TagPattern {
  readonly text: string;
  readonly kind: 'glob' | 'versions' | 'untagged';
  matches(tag: string): boolean;
}

/** Parses a tag pattern. Undefined for other texts, and for more than 1000 characters. */
export function parseTagPattern(text: string): TagPattern | undefined {
  if (text.length > 1000) return undefined;
  if (text === '@untagged') return { text, kind: 'untagged', matches: () => false };
  const [, range] = /^semver\((.*)\)$/.exec(text) ?? [];
  if (range === undefined) {
    const glob = parseGlob(text);
    return glob && { text, kind: 'glob', matches: glob };
  }
  const isInRange = parseVersionRange(range);
  if (!isInRange) return undefined;
  return {
    text,
    kind: 'versions',
    matches(tag) {
      const version = parseVersion(tag);
      return version !== undefined && isInRange(version);
    },
  };
}
