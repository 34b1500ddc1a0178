import type { Digest } from './digest.ts';

/**
 * Tags that are named after another manifest and follow it: `sha256-<hex>`, which lists referrers for clients without the
 * referrers API (distribution-spec, "Referrers Tag Schema"), and cosign's `sha256-<hex>.sig`, `.att` and `.sbom`.
 */

const suffixes = ['', '.sig', '.att', '.sbom'] as const;

/** The fallback tag keeps 64 characters of the hash; so a tag of a SHA-512 digest does not contain all of it. */
const maxHashLength = 64;

/** Returns the names of all tags that follow the manifest. */
export function subjectTags(digest: Digest): readonly string[] {
  const [algorithm = '', hash = ''] = digest.split(':');
  return suffixes.map((suffix) => `${algorithm}-${hash.slice(0, maxHashLength)}${suffix}`);
}

/** True if the tag has the form of one that follows a manifest; such a tag is not a version. */
export function isSubjectTag(tag: string): boolean {
  return /^sha(?:256|512)-[0-9a-f]{64}(?:\.(?:sig|att|sbom))?$/.test(tag);
}
