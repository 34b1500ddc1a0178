import { AdministrationError, type AdministrationField } from './administration-error.ts';
import { accountNameProblem } from './account-name.ts';
import { type Grant, parseGrant } from '../permissions/grants.ts';
import { isNewPassword } from '../credentials/password.ts';
import { type Pattern, parsePattern } from '../../oci/patterns/repository-pattern.ts';

/** Bounds of stored values, for the API, the page and the command line. All functions throw `AdministrationError`. */

export const longestTokenName = 100;
export const maxGrants = 100;
const hundredYears = 100 * 365.25 * 24 * 3600 * 1000;
/** Characters of an invalid value that an error quotes. */
const maxQuoted = 200;

export function requireName(name: string): void {
  const problem = accountNameProblem(name);
  if (problem !== undefined) throw invalid(`invalid name ${quoted(name)}: ${problem}`, 'name');
}

export function requirePassword(password: string): string {
  if (!isNewPassword(password)) throw invalid('a password has at least 8 characters and at most 1024 bytes', 'password');
  return password;
}

export function requirePattern(text: string): Pattern {
  const pattern = parsePattern(text);
  if (!pattern) throw invalid(`invalid pattern ${quoted(text)}: write NAME, PREFIX/* or PREFIX/**`, 'pattern');
  return pattern;
}

export function requireGrant(text: string): Grant {
  const grant = parseGrant(text);
  if (!grant) {
    throw invalid(`${quoted(text)} is not PATTERN:ACTIONS, as in team-a/*:pull,push (pull, add, push, delete, admin)`, 'grants');
  }
  return grant;
}

/** Grants of a new robot, or scopes of a new token. */
export function requireGrants(texts: readonly string[]): readonly Grant[] {
  if (texts.length > maxGrants) throw invalid(`at most ${maxGrants} of PATTERN:ACTIONS, not ${texts.length}`, 'grants');
  return texts.map(requireGrant);
}

/** Checks a label for people: one line, without characters that change how a terminal or browser shows the text around it. */
export function requireTokenName(name: string): string {
  if (name.trim() === '' || name.length > longestTokenName || /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u.test(name)) {
    throw invalid(`a token needs a short name: 1 to ${longestTokenName} characters, no control characters`, 'name');
  }
  return name;
}

/** `now` and `expiresAt` in milliseconds since 1970; undefined: never. */
export function requireExpiry(expiresAt: number | undefined, now: number): number | undefined {
  if (expiresAt === undefined) return undefined;
  if (!(expiresAt > now)) throw invalid('the expiry date must be in the future', 'expires');
  if (expiresAt > now + hundredYears) throw invalid('the expiry date must be at most 100 years ahead', 'expires');
  return expiresAt;
}

function invalid(message: string, field: AdministrationField): AdministrationError {
  return new AdministrationError('invalid', message, field);
}

function quoted(text: string): string {
  return text.length > maxQuoted ? `${text.slice(0, maxQuoted)}…` : text;
}
