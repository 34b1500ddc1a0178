import { hash, randomBytes } from 'node:crypto';

/**
 * Secrets that berth generates: personal access tokens, robots' secrets, refresh tokens, sessions. 256 random bits cannot be
 * guessed, so berth stores a fast hash. People and secret scanners recognize the prefix.
 */
const prefixes = { personal: 'berth_pat_', robot: 'berth_robot_', refresh: 'berth_refresh_', session: 'berth_session_' } as const;

export type SecretKind = keyof typeof prefixes;

export function generateSecret(kind: SecretKind): string {
  return prefixes[kind] + randomBytes(32).toString('base64url');
}

/** Returns the kind of secret that the text has the form of; undefined for other texts. */
export function secretKind(text: string): SecretKind | undefined {
  const kinds = Object.keys(prefixes) as SecretKind[];
  return kinds.find((kind) => text.startsWith(prefixes[kind]) && text.length === prefixes[kind].length + 43);
}

export function hashSecret(secret: string): string {
  return hash('sha256', secret, 'base64url');
}
