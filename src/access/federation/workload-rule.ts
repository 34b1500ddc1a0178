import type { Grant } from '../permissions/grants.ts';

/** Accepts tokens of a CI provider and grants them permissions: one entry of `access.identities`. */
export interface WorkloadRule {
  readonly name: string;
  /** The token's `iss`, exactly. */
  readonly issuer: string;
  /** Address of the issuer's keys; undefined: the discovery document has it. */
  readonly jwksUrl: string | undefined;
  /** The token's `aud` must be or contain this. */
  readonly audience: string;
  /** All must hold. */
  readonly claims: readonly ClaimCondition[];
  readonly grants: readonly Grant[];
}

export interface ClaimCondition {
  /** `repository`, or a path into an object: `kubernetes.io/namespace` is `kubernetes\.io.namespace`. */
  readonly path: readonly string[];
  /** Required value of the claim; a `*` at the end matches any rest. */
  readonly value: string;
}

/** Parses `NAME=VALUE`; a dot in a claim's name is written `\.`. Undefined for other texts. */
export function parseClaimCondition(text: string): ClaimCondition | undefined {
  const equals = text.indexOf('=');
  if (equals < 1 || equals === text.length - 1) return undefined;
  const path = text
    .slice(0, equals)
    .split(/(?<!\\)\./)
    .map((part) => part.replaceAll('\\.', '.'));
  return { path, value: text.slice(equals + 1) };
}

export function conditionHolds({ path, value }: ClaimCondition, claims: unknown): boolean {
  let found = claims;
  for (const part of path) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, part)) return false;
    found = (found as Record<string, unknown>)[part];
  }
  if (typeof found !== 'string' && typeof found !== 'number' && typeof found !== 'boolean') return false;
  const text = String(found);
  return value.endsWith('*') ? text.startsWith(value.slice(0, -1)) : text === value;
}
