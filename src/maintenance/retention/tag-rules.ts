import type { Selector } from '../../oci/patterns/selector.ts';
import { matches } from '../../oci/patterns/repository-pattern.ts';
import type { RetentionRules } from './rules.ts';

/** The configured rules about tags of one repository, as the configuration has them. */
export interface TagRules {
  /** Selectors of tags that neither move nor can be deleted, with exclusions (`!`). */
  readonly immutable: readonly string[];
  /** Selectors of tags that no rule expires. */
  readonly protected: readonly string[];
  /** Rules of retention in their order: the first one that matches a tag decides. */
  readonly retention: readonly { readonly name: string; readonly match: readonly string[] }[];
}

/** Returns a function that finds the rules for a repository. */
export function createTagRules({
  immutable,
  protect,
  rules,
}: Omit<RetentionRules, 'timeZone'>): (repository: string) => TagRules {
  return (repository) => {
    const select = (selectors: readonly Selector[]) =>
      selectors.filter(({ repositories }) => matches(repositories, repository)).map(({ text }) => text);
    return {
      immutable: select(immutable),
      protected: select(protect),
      retention: rules.map(({ name, match }) => ({ name, match: select(match) })).filter(({ match }) => match.length > 0),
    };
  };
}
