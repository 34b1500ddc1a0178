import type { Author, DatedAuthor } from '../../storage/metadata/queries/steps/audit.ts';

/** Adds the time of the change, milliseconds since 1970. */
export function dated(author: Author | undefined, at: number): DatedAuthor | undefined {
  return author && { ...author, at };
}
