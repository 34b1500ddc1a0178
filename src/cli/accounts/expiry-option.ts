import { duration } from '../../../config/keys.ts';
import { type Invocation, UsageError } from '../program/command.ts';

/** Reads an option such as `--expires 90d`. Returns milliseconds since 1970; undefined: never. Throws `UsageError`. */
export function readExpiry({ options }: Invocation, option: 'expires' | 'until' = 'expires'): number | undefined {
  const text = options[option];
  if (typeof text !== 'string') return undefined;
  try {
    return Date.now() + duration('', '').parse(text) * 1000;
  } catch (error) {
    throw new UsageError(`--${option} ${(error as Error).message}`);
  }
}
