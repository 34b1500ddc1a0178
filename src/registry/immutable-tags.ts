import { OciError } from '../oci/errors.ts';
import { type Selector, selectTag } from '../oci/patterns/selector.ts';
import { isSubjectTag } from '../oci/subject-tags.ts';

/** Tags that keep pointing at the manifest that they were created for. */
export interface ImmutableTags {
  /** False if no tag of any repository is immutable: then nobody has to look. */
  readonly hasAny: boolean;
  /** Returns those of `tags` that may neither move nor be deleted. */
  of(repository: string, tags: readonly string[]): readonly string[];
  /** Returns the error for a change of an immutable tag. */
  refusal(repository: string, tag: string, change: string): OciError;
}

/** Tags that follow another manifest are never immutable: clients add signatures by moving them. */
export function createImmutableTags(selectors: readonly Selector[]): ImmutableTags {
  const selectorOf = (repository: string, tag: string) => (isSubjectTag(tag) ? undefined : selectTag(selectors, repository, tag));
  return {
    hasAny: selectors.length > 0,
    of: (repository, tags) => tags.filter((tag) => selectorOf(repository, tag) !== undefined),
    refusal(repository, tag, change) {
      const selector = selectorOf(repository, tag)?.text ?? '';
      const message = `${repository}:${tag} is immutable (tags.immutable has ${selector}): ${change}`;
      return new OciError('DENIED', { message, detail: { tag } });
    },
  };
}

export const noImmutableTags = createImmutableTags([]);
