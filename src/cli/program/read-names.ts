import { type Pattern, parsePattern } from '../../oci/patterns/repository-pattern.ts';
import { type RepositoryName, parseRepositoryName } from '../../oci/reference.ts';
import { UsageError } from './command.ts';

/** Reads the name of a repository; undefined if the command line has none. Throws `UsageError`. */
export function readRepository(text: string): RepositoryName;
export function readRepository(text: string | undefined): RepositoryName | undefined;
export function readRepository(text: string | undefined): RepositoryName | undefined {
  if (text === undefined) return undefined;
  const name = parseRepositoryName(text);
  if (!name) throw new UsageError(`${text} is not the name of a repository`);
  return name;
}

/** Reads a pattern of repositories; undefined if the command line has none. Throws `UsageError`. */
export function readPattern(text: string | undefined): Pattern | undefined {
  if (text === undefined) return undefined;
  const pattern = parsePattern(text);
  if (!pattern) throw new UsageError(`${text} is not a pattern of repositories: write NAME, PREFIX/* or PREFIX/**`);
  return pattern;
}
