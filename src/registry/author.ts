import type { Author, DatedAuthor } from '../../storage/metadata/queries/steps/events.ts';

/** Adds the time of the change, milliseconds since 1970. Without an author berth itself is the cause. */
export function dated(author: Author | undefined, at: number): DatedAuthor {
  return { actor: '', address: '', ...author, at };
}
