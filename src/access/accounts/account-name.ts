import { parsePattern } from '../permissions/pattern.ts';
import type { Grant } from '../permissions/grants.ts';

/** The audit log and grants use these names for others than accounts. */
const reservedAccountNames: ReadonlySet<string> = new Set(['anonymous', 'authenticated', 'berth']);

/**
 * Returns why no new user, robot or team can have this name; undefined where one can. Names fit into `Basic` (no colon), a
 * log line and a URL, and have one case: `Alice` and `alice` must not be two people.
 */
export function accountNameProblem(name: string): string | undefined {
  if (reservedAccountNames.has(name)) return `the name ${name} is reserved`;
  if (/^[a-z0-9](?:[a-z0-9._@+-]{0,126}[a-z0-9])?$/.test(name)) return undefined;
  return 'a name has 1 to 128 lower-case letters and digits, and . _ @ + - between them';
}

/** A user's personal namespace: everything below its name. Undefined for a name that cannot begin a repository name. */
export function ownNamespace(name: string): Grant | undefined {
  const pattern = parsePattern(`${name}/**`);
  return pattern && { pattern, actions: ['pull', 'push', 'delete'] };
}

/** Namespaces that no user owns, beside those of upstreams: Docker Hub's official images. */
const alwaysReserved = ['library'];

/** First path components that no user owns: `upstreams` are mirrored there. */
export function reservedNamespaces(upstreams: Iterable<string>): ReadonlySet<string> {
  return new Set([...alwaysReserved, ...upstreams]);
}
