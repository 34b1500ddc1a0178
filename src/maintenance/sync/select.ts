import { type Pattern, matches } from '../../oci/patterns/repository-pattern.ts';
import { compareVersions, parseVersion } from '../../oci/patterns/version.ts';
import { type RepositoryName, parseRepositoryName } from '../../oci/reference.ts';
import { isSubjectTag } from '../../oci/subject-tags.ts';
import type { RepositoryPair, TagChoice } from './entry.ts';

/** Returns the repository with its name at the target; undefined if the entry is not for it, or the name would be too long. */
export function pairOf(from: Pattern, to: Pattern, name: RepositoryName): RepositoryPair | undefined {
  if (!matches(from, name)) return undefined;
  const target = parseRepositoryName(to.prefix + name.slice(from.prefix.length));
  return target && { from: name, to: target };
}

/** Returns the tags that are copied. Tags that follow another manifest (`sha256-….sig`) are copied with that. */
export function selectTags(tags: readonly string[], { included, excluded, newest }: TagChoice): readonly string[] {
  const chosen = tags.filter(
    (tag) => !isSubjectTag(tag) && included.some(({ matches }) => matches(tag)) && !excluded.some(({ matches }) => matches(tag)),
  );
  return newest === undefined ? chosen : chosen.sort(newestFirst).slice(0, newest);
}

/** Versions in descending order, then the other tags in descending order of their names. */
function newestFirst(one: string, other: string): number {
  const [version, otherVersion] = [parseVersion(one), parseVersion(other)];
  if (version && otherVersion) return compareVersions(otherVersion, version) || (one < other ? 1 : -1);
  if (version || otherVersion) return version ? -1 : 1;
  return one < other ? 1 : -1;
}
