import { parsePattern } from '../../oci/patterns/repository-pattern.ts';
import type { Grant } from '../permissions/grants.ts';

/** Names that the audit log and grants use for other subjects than accounts. */
const reservedAccountNames: ReadonlySet<string> = new Set(['anonymous', 'authenticated', 'berth']);

/**
 * Returns why no new user, robot or team can have this name; undefined if one can. Names fit into `Basic` (no colon), a log line
 * and a URL, and are lower-case: `Alice` and `alice` must not be two accounts.
 */
export function accountNameProblem(name: string): string | undefined {
  if (reservedAccountNames.has(name)) return `the name ${name} is reserved`;
  if (/^[a-z0-9](?:[a-z0-9._@+-]{0,126}[a-z0-9])?$/.test(name)) return undefined;
  return 'a name has 1 to 128 lower-case letters and digits, and . _ @ + - between them';
}

/** Returns a user's personal namespace: all repositories below its name. Undefined if the name cannot begin a repository name. */
export function ownNamespace(name: string): Grant | undefined {
  const pattern = parsePattern(`${name}/**`);
  return pattern && { pattern, actions: ['pull', 'push', 'delete'] };
}

/** Namespaces that no user owns, beside those of upstreams: Docker Hub's official images. */
const alwaysReserved = ['library'];

/** Returns the first path components that no user owns: those of `upstreams` are mirrored. */
export function reservedNamespaces(upstreams: Iterable<string>): ReadonlySet<string> {
  return new Set([...alwaysReserved, ...upstreams]);
}
