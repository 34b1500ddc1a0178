import { AdministrationError } from '../../../access/accounts/administration-error.ts';
import type { Texts } from '../texts/english/texts.ts';
import type { Html } from '../shell/html.ts';
import { type FormState, choice } from './fields.ts';

const dayMilliseconds = 24 * 3600 * 1000;
const lifetimes = [7, 30, 90, 365] as const;

/** Shows the field `days` for how long a secret is valid. */
export function lifetimeField(state: FormState, { tokens }: Texts, label: string = tokens.validFor): Html {
  const days = lifetimes.map((count): [string, string] => [String(count), tokens.days(count)]);
  return choice(state, 'days', label, [...days, ['never', tokens.noLimit]]);
}

/** Reads the field `days`. Returns milliseconds since 1970; undefined: never. Throws `AdministrationError` for other values. */
export function readLifetime(form: URLSearchParams, now: number, { tokens }: Texts): number | undefined {
  const days = lifetimes.find((lifetime) => String(lifetime) === form.get('days'));
  if (days === undefined && form.get('days') !== 'never') {
    throw new AdministrationError('invalid', tokens.chooseLifetime, 'expires');
  }
  return days === undefined ? undefined : now + days * dayMilliseconds;
}

/** Reads a field with PATTERN:ACTIONS, separated by white space. */
export function readGrants(form: URLSearchParams, name: string): readonly string[] {
  return (form.get(name) ?? '').split(/\s+/).filter((grant) => grant !== '');
}
