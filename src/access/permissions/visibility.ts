import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { type Pattern, matches, parsePattern } from './pattern.ts';

/** Which repositories are public. What is said of a name counts before what is said of patterns, the longest of them first. */
export interface Visibility {
  isPublic(repository: string): Promise<boolean>;
  /** The same for a caller that has read the visibility set for exactly this name: null if none is set. */
  resolve(repository: string, own: boolean | null): boolean;
  /** The patterns whose repositories are public, but for exceptions. */
  readonly publicPatterns: readonly Pattern[];
  /** The pattern that makes `repository` private, if it is one. */
  privatePatternOf(repository: string): Pattern | undefined;
}

interface Rule {
  readonly pattern: Pattern;
  readonly isPublic: boolean;
}

/** Reads the patterns, of which there are few; names are looked up when asked for. */
export async function loadVisibility(metadata: MetadataStore): Promise<Visibility> {
  const rules = (await metadata.visibilities.listWildcards())
    .flatMap(({ pattern, isPublic }): Rule[] => {
      const parsed = parsePattern(pattern);
      return parsed ? [{ pattern: parsed, isPublic }] : [];
    })
    .sort(mostSpecificFirst);
  const ruleFor = (repository: string) => rules.find(({ pattern }) => matches(pattern, repository));
  const resolve = (repository: string, own: boolean | null) => own ?? ruleFor(repository)?.isPublic ?? false;

  return {
    isPublic: async (repository) => resolve(repository, (await metadata.visibilities.find(repository))?.isPublic ?? null),
    resolve,
    publicPatterns: rules.filter(({ isPublic }) => isPublic).map(({ pattern }) => pattern),
    privatePatternOf(repository) {
      const rule = ruleFor(repository);
      return rule && !rule.isPublic ? rule.pattern : undefined;
    },
  };
}

/** A longer prefix says more; of two equal ones the narrower wildcard does. */
function mostSpecificFirst(one: Rule, other: Rule): number {
  const byPrefix = other.pattern.prefix.length - one.pattern.prefix.length;
  return byPrefix !== 0 ? byPrefix : one.pattern.text.length - other.pattern.text.length;
}

/** Where nothing is said: no repository is public. */
export const privateByDefault = {
  isPublic: () => Promise.resolve(false),
  visibility: (): Promise<Visibility> =>
    Promise.resolve({
      isPublic: () => Promise.resolve(false),
      resolve: () => false,
      publicPatterns: [],
      privatePatternOf: () => undefined,
    }),
};
