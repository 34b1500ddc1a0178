import type { Digest } from '../../src/oci/digest.ts';
import type { RepositoryName } from '../../src/oci/reference.ts';

type Argument<Type> = Type extends Digest | RepositoryName
  ? string
  : Type extends object
    ? { readonly [Key in keyof Type]: Argument<Type[Key]> }
    : Type;

type Arguments<Types extends readonly unknown[]> = { [Index in keyof Types]: Argument<Types[Index]> };

/** Functions by subject, with plain text where they take digests and repository names. */
export type Plain<Subjects> = {
  readonly [Subject in keyof Subjects]: Subjects[Subject] extends (...args: never[]) => unknown
    ? Subjects[Subject]
    : {
        readonly [Name in keyof Subjects[Subject]]: Subjects[Subject][Name] extends (...args: infer Args) => infer Result
          ? (...args: Arguments<Args>) => Result
          : Subjects[Subject][Name];
      };
};

/** Lets a test call a metadata store, or its queries, with texts that stand for digests and repository names. */
export function plain<Subjects>(subjects: Subjects): Plain<Subjects> {
  return subjects as Plain<Subjects>;
}
