import { parsePattern } from './pattern.ts';
import type { Grant } from './grants.ts';

/** Names of users, robots and teams: what fits into `Basic` (no colon), a log line and a URL. */
export function isAccountName(text: string): boolean {
  return /^[A-Za-z0-9](?:[A-Za-z0-9._@+-]{0,126}[A-Za-z0-9])?$/.test(text);
}

/** A user's own place: everything below its name. A name that can be no part of a repository's has none. */
export function ownNamespace(name: string): Grant | undefined {
  const pattern = parsePattern(`${name}/**`);
  return pattern && { pattern, actions: ['pull', 'push', 'delete'] };
}
