import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { type Pattern, matches, mostSpecificFirst, parsePattern } from '../../oci/patterns/repository-pattern.ts';

/**
 * The visibility rules: which repositories are public. The rule of a name wins over those of patterns, of which the longest
 * wins.
 */
export interface Visibility {
  isPublic(repository: string): Promise<boolean>;
  /** The same for a caller that has read the visibility set for exactly this name: null if none is set. */
  resolve(repository: string, own: boolean | null): boolean;
  /** Returns the pattern of the rule for names without a rule of their own; undefined if no pattern matches. */
  patternOf(repository: string): { readonly pattern: Pattern; readonly isPublic: boolean } | undefined;
  /** The patterns that make repositories public, except those of more specific rules. */
  readonly publicPatterns: readonly Pattern[];
  /** Returns the pattern that makes `repository` private, if there is one. */
  privatePatternOf(repository: string): Pattern | undefined;
}

interface Rule {
  readonly pattern: Pattern;
  readonly isPublic: boolean;
}

/** Reads the rules of patterns, of which there are few; rules of names are looked up when needed. */
export async function loadVisibility(metadata: MetadataStore): Promise<Visibility> {
  const rules = (await metadata.visibilities.listWildcards())
    .flatMap(({ pattern, isPublic }): Rule[] => {
      const parsed = parsePattern(pattern);
      return parsed ? [{ pattern: parsed, isPublic }] : [];
    })
    .sort((one, other) => mostSpecificFirst(one.pattern, other.pattern));
  const ruleFor = (repository: string) => rules.find(({ pattern }) => matches(pattern, repository));
  const resolve = (repository: string, own: boolean | null) => own ?? ruleFor(repository)?.isPublic ?? false;

  return {
    isPublic: async (repository) => resolve(repository, (await metadata.visibilities.find(repository))?.isPublic ?? null),
    resolve,
    patternOf: ruleFor,
    publicPatterns: rules.filter(({ isPublic }) => isPublic).map(({ pattern }) => pattern),
    privatePatternOf(repository) {
      const rule = ruleFor(repository);
      return rule && !rule.isPublic ? rule.pattern : undefined;
    },
  };
}

/** The visibility without rules: no repository is public. */
export const privateByDefault = {
  isPublic: () => Promise.resolve(false),
  visibility: (): Promise<Visibility> =>
    Promise.resolve({
      isPublic: () => Promise.resolve(false),
      resolve: () => false,
      patternOf: () => undefined,
      publicPatterns: [],
      privatePatternOf: () => undefined,
    }),
};
