import { type Pattern, matches, parsePattern } from './repository-pattern.ts';
import { type TagPattern, parseTagPattern } from './tag-pattern.ts';

/** `REPOSITORIES:TAGS`, such as `team/**:semver(*)`; with `!` in front it takes out of what the others select. */
export interface Selector {
  readonly text: string;
  readonly isExclusion: boolean;
  readonly repositories: Pattern;
  readonly tags: TagPattern;
}

/** How a selector is written, for messages about one that is not valid. */
export const selectorForm = 'a pattern such as team/**:semver(*), **:{main,dev}-* or !team/legacy/**:*';

/** Parses a selector. Undefined for other texts. */
export function parseSelector(text: string): Selector | undefined {
  const [, exclamation = '', repositoryText = '', tagText = ''] = /^(!?)([^:]+):(.+)$/.exec(text) ?? [];
  const repositories = parsePattern(repositoryText);
  const tags = parseTagPattern(tagText);
  return repositories && tags && { text, isExclusion: exclamation !== '', repositories, tags };
}

/**
 * Returns the selector that selects the tag: the first one that matches, unless an exclusion matches too, wherever it is in
 * the list. Undefined where none does.
 */
export function selectTag(selectors: readonly Selector[], repository: string, tag: string): Selector | undefined {
  return select(selectors, repository, ({ matches }) => matches(tag));
}

/** The same for manifests without a tag. */
export function selectUntagged(selectors: readonly Selector[], repository: string): Selector | undefined {
  return select(selectors, repository, ({ kind }) => kind === 'untagged');
}

function select(
  selectors: readonly Selector[],
  repository: string,
  matchesTags: (tags: TagPattern) => boolean,
): Selector | undefined {
  const found = selectors.filter(({ repositories, tags }) => matches(repositories, repository) && matchesTags(tags));
  return found.some(({ isExclusion }) => isExclusion) ? undefined : found[0];
}
