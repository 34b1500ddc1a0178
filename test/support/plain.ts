import type { Digest } from '../../src/oci/digest.ts';
import type { RepositoryName } from '../../src/oci/reference.ts';

type Argument<Type> = Type extends Digest | RepositoryName
  ? string
  : Type extends object
    ? { readonly [Key in keyof Type]: Argument<Type[Key]> }
    : Type;

type Arguments<Types extends readonly unknown[]> = { [Index in keyof Types]: Argument<Types[Index]> };

/** The same functions, also those of inner objects, with plain text where they take digests and repository names. */
export type Plain<Part> = Part extends (...args: infer Args) => infer Result
  ? (...args: Arguments<Args>) => Result
  : Part extends object
    ? { readonly [Name in keyof Part]: Plain<Part[Name]> }
    : Part;

/** Lets a test call a metadata store, its queries or a service with texts that stand for digests and repository names. */
export function plain<Part>(part: Part): Plain<Part> {
  return part as Plain<Part>;
}
