import type { Identity } from '../permissions/identity.ts';
import { discover, jwksAt, jwksOf } from './discovery.ts';
import type { Jwks } from './jwks.ts';
import { AuthenticationError } from '../credentials/authentication-error.ts';
import { type Claims, type UnverifiedJwt, decodeUnverified, verifyExternalJwt } from './external-jwt.ts';
import { type WorkloadRule, conditionHolds } from './workload-rule.ts';

export type WorkloadIdentity = Extract<Identity, { kind: 'workload' }>;

/** `now` in milliseconds. `rules` may change. Issuers are asked for their keys at the first token. */
export function createWorkloadAuthenticator(rules: readonly WorkloadRule[], now: () => number) {
  const keys = new Map<string, Jwks>();

  function keysOf(rule: WorkloadRule): Jwks {
    const known = keys.get(issuerKey(rule));
    if (known) return known;
    const created = jwksFor(rule, now);
    keys.set(issuerKey(rule), created);
    return created;
  }

  async function verify(rule: WorkloadRule, token: string, { header }: UnverifiedJwt): Promise<Claims | undefined> {
    const { issuer, audience } = rule;
    const key = await keysOf(rule).find(header);
    const claims = key && (await verifyExternalJwt(token, key, { issuer, audience, now: now() }));
    return claims && rule.claims.every((condition) => conditionHolds(condition, claims)) ? claims : undefined;
  }

  /**
   * Authenticates a CI job that sends its provider's signed token as a password. Returns undefined for text that is no token of
   * a configured issuer. Throws `AuthenticationError` for a token that is not valid or matches no rule (not counted as a wrong
   * password), `IssuerUnavailable` while the issuer's keys cannot be fetched.
   */
  return async (token: string): Promise<WorkloadIdentity | undefined> => {
    const unverified = rules.length > 0 ? await decodeUnverified(token) : undefined;
    const candidates = rules.filter(({ issuer }) => issuer === unverified?.claims['iss']);
    if (!unverified || candidates.length === 0) return undefined;
    const matching: string[] = [];
    let subject = '';
    for (const rule of candidates) {
      const claims = await verify(rule, token, unverified);
      if (!claims) continue;
      matching.push(rule.name);
      subject = String(claims['sub']);
    }
    if (matching.length === 0) throw new AuthenticationError('credentials');
    return { kind: 'workload', rules: matching, subject };
  };
}

function issuerKey({ issuer, jwksUrl }: WorkloadRule): string {
  return `${issuer} ${jwksUrl ?? ''}`;
}

/** Discovery takes a client id; keys do not depend on it. */
const unregistered = { clientId: 'berth', clientSecret: undefined };

function jwksFor({ issuer, jwksUrl }: WorkloadRule, now: () => number): Jwks {
  return jwksUrl === undefined ? jwksOf(() => discover(issuer, unregistered), now) : jwksAt(jwksUrl, now);
}
