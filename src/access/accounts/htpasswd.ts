import { accountNameProblem } from './account-name.ts';
import { isBcrypt } from '../credentials/password.ts';

export interface HtpasswdEntry {
  readonly name: string;
  readonly hash: string;
}

/**
 * Parses an htpasswd file. Accepts only bcrypt (`htpasswd -B`): other forms are quick to guess. Errors name the line and
 * never its hash.
 */
export function parseHtpasswd(text: string): { readonly entries: readonly HtpasswdEntry[]; readonly errors: readonly string[] } {
  const entries: HtpasswdEntry[] = [];
  const errors: string[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(0, colon));
    const hash = line.slice(colon + 1).trim();
    const problem = accountNameProblem(name);
    if (problem !== undefined) errors.push(`line ${index + 1}: not a user name: ${problem}`);
    else if (!isBcrypt(hash)) errors.push(`line ${index + 1}: ${name} has no bcrypt hash (htpasswd -B makes one)`);
    else entries.push({ name, hash });
  }
  return { entries, errors };
}
