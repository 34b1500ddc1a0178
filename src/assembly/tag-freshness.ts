import type { Config } from '../../config/schema.ts';
import { type Pattern, mostSpecificFirst, matches, parsePattern } from '../access/permissions/pattern.ts';

/** How long tags are served without asking their upstream, in seconds. */
export type TagFreshness = (repository: string, tag: string) => number;

interface Rule {
  readonly repositories: Pattern;
  readonly tags: RegExp;
  /** The tag pattern as it is written. */
  readonly text: string;
  readonly seconds: number;
}

/**
 * Reads `mirror.freshness` and `mirror.tags`. Of the patterns that match a tag the one that says most of the repository is
 * used, then the one that says most of the tag. Patterns that cannot be read are added to `errors`.
 */
export function readTagFreshness({ mirror }: Pick<Config, 'mirror'>, errors: string[]): TagFreshness {
  const rules = Object.entries(mirror.tags)
    .flatMap(([pattern, { freshness }]) => {
      const rule = parseRule(pattern, freshness);
      if (!rule) errors.push(`mirror.tags: ${pattern} is not a pattern such as docker.io/library/**:*-alpine or ghcr.io/**:*`);
      return rule ? [rule] : [];
    })
    .sort((one, other) => mostSpecificFirst(one.repositories, other.repositories) || other.text.length - one.text.length);
  return (repository, tag) =>
    rules.find((rule) => matches(rule.repositories, repository) && rule.tags.test(tag))?.seconds ?? mirror.freshness;
}

/** More would let one tag take long to compare. */
const maxStars = 4;

/** `REPOSITORIES:TAGS`: in TAGS each `*` stands for any characters. */
function parseRule(pattern: string, seconds: number): Rule | undefined {
  const [, repositoryPattern = '', text = ''] = /^([^:]+):([\w.*-]{1,128})$/.exec(pattern) ?? [];
  const repositories = parsePattern(repositoryPattern);
  const parts = text.split('*');
  if (!repositories || parts.length > maxStars + 1) return undefined;
  const tags = new RegExp(`^${parts.map((part) => part.replaceAll('.', '\\.')).join('.*')}$`);
  return { repositories, tags, text, seconds };
}
