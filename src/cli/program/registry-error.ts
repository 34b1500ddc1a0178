import { OciError } from '../../oci/errors.ts';
import { CommandError } from './command.ts';

/**
 * Returns an error of the registry as one of the command, with the tag or digest that it is about: the line of the command may
 * name several. Returns other errors as they are.
 */
export function toCommandError(error: unknown): unknown {
  if (!(error instanceof OciError)) return error;
  const names = error.entries.flatMap(({ detail }) => namesIn(detail)).filter((name) => !error.message.includes(name));
  return new CommandError([error.message, ...names].join(': '));
}

function namesIn(detail: unknown): readonly string[] {
  if (typeof detail !== 'object' || detail === null) return [];
  const { tag, digest } = detail as { readonly tag?: unknown; readonly digest?: unknown };
  return [tag, digest].filter((name) => typeof name === 'string');
}
