import type { Identity } from '../permissions/identity.ts';
import { type Jwks, issuerKeys } from './jwks.ts';
import { AuthenticationError } from '../credentials/authentication-error.ts';
import { readUnverified, verifyExternalJwt } from './external-jwt.ts';
import { type WorkloadRule, conditionHolds } from './workload-rule.ts';

/**
 * CI jobs that show their provider's signed token instead of a secret: whoever meets a rule has its grants, for as long
 * as the provider's token is good.
 */
export function createWorkloadAuthenticator(rules: readonly WorkloadRule[], now: () => number) {
  const keys = new Map<string, Jwks>(
    rules.map(({ issuer, jwksUrl }) => [keyOf(issuer, jwksUrl), issuerKeys(issuer, jwksUrl, now)]),
  );

  async function meets(rule: WorkloadRule, token: string, kid: string): Promise<Readonly<Record<string, unknown>> | undefined> {
    const key = await keys.get(keyOf(rule.issuer, rule.jwksUrl))?.find(kid);
    const claims = key && verifyExternalJwt(token, key, { issuer: rule.issuer, audience: rule.audience, now: now() });
    return claims && rule.claims.every((condition) => conditionHolds(condition, claims)) ? claims : undefined;
  }

  /**
   * Who presents the token; undefined for what is no token of a configured issuer. Throws `Refused` for one that is not
   * good or meets no rule: it is no guess at a password.
   */
  return async (token: string): Promise<Extract<Identity, { kind: 'workload' }> | undefined> => {
    const unverified = rules.length > 0 ? readUnverified(token) : undefined;
    const possible = rules.filter(({ issuer }) => issuer === unverified?.claims['iss']);
    if (!unverified || possible.length === 0) return undefined;
    const { kid } = unverified.header;
    const met: string[] = [];
    let subject = '';
    for (const rule of possible) {
      const claims = typeof kid === 'string' ? await meets(rule, token, kid) : undefined;
      if (!claims) continue;
      met.push(rule.name);
      subject = String(claims['sub']);
    }
    if (met.length === 0) throw new AuthenticationError('credentials');
    return { kind: 'workload', rules: met, subject };
  };
}

function keyOf(issuer: string, jwksUrl: string | undefined): string {
  return `${issuer} ${jwksUrl ?? ''}`;
}
