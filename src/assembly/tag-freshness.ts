import type { Config } from '../../config/schema.ts';
import { mostSpecificFirst } from '../oci/patterns/repository-pattern.ts';
import { type Selector, parseSelector, selectTag } from '../oci/patterns/selector.ts';

/** How long tags are served without asking their upstream, in seconds. */
export type TagFreshness = (repository: string, tag: string) => number;

interface Rule {
  readonly selector: Selector;
  readonly seconds: number;
}

/**
 * Reads `mirror.freshness` and `mirror.tags`. Of the patterns that match a tag the one that says most of the repository is
 * used, then the one that says most of the tag. Patterns that cannot be read are added to `errors`.
 */
export function readTagFreshness({ mirror }: Pick<Config, 'mirror'>, errors: string[]): TagFreshness {
  const rules = Object.entries(mirror.tags)
    .flatMap(([pattern, { freshness }]): readonly Rule[] => {
      const selector = parseSelector(pattern);
      if (selector && !selector.isExclusion && selector.tags.kind !== 'untagged') return [{ selector, seconds: freshness }];
      errors.push(`mirror.tags: ${pattern} is not a pattern such as docker.io/library/**:*-alpine or ghcr.io/**:*`);
      return [];
    })
    .sort(({ selector: one }, { selector: other }) => compareSpecificity(one, other));
  return (repository, tag) => rules.find(({ selector }) => selectTag([selector], repository, tag))?.seconds ?? mirror.freshness;
}

function compareSpecificity(one: Selector, other: Selector): number {
  return mostSpecificFirst(one.repositories, other.repositories) || other.tags.text.length - one.tags.text.length;
}
