import { type KeyObject, hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Authenticator } from './authenticator.ts';
import { readUnverified, verifyForeign } from './foreign-token.ts';
import { nothing } from './grants.ts';
import type { KeySet } from './key-set.ts';
import { type Principal, anonymous } from './principal.ts';
import { Refused } from './refused.ts';
import { type Scope, parseScopes } from './scope.ts';
import type { TrustedCertificates } from './trusted-certificates.ts';

export interface ExternalOptions {
  /** `iss` and `aud` of its tokens. */
  readonly issuer: string;
  readonly service: string;
  readonly certificates: TrustedCertificates | undefined;
  readonly keys: KeySet | undefined;
  readonly now: () => number;
}

interface Verified {
  readonly principal: Principal;
  readonly expiresAt: number;
}

/**
 * Another token server decides who may do what, and its tokens say it: as `auth.token` of registry:2. Nobody is known
 * here but by such a token.
 */
export function createExternalAuthenticator(options: ExternalOptions): Pick<Authenticator, 'principal'> {
  const { issuer, service: audience, now } = options;
  const verified = new LRUCache<string, Verified>({ max: 20_000 });

  async function verify(token: string): Promise<Verified | undefined> {
    const key = await keyFor(token, options);
    const claims = key && verifyForeign(token, key, { issuer, audience, now: now() });
    if (!claims) return undefined;
    return { principal: toPrincipal(claims), expiresAt: Number(claims['exp']) * 1000 };
  }

  return {
    async principal(authorization) {
      const token = /^bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
      if (token === undefined) return anonymous({ pullsPublic: false });
      const key = hash('sha256', token, 'base64');
      const known = verified.get(key);
      const found = known && known.expiresAt > now() ? known : await verify(token);
      if (!found) throw new Refused('bearer');
      verified.set(key, found);
      return found.principal;
    },
  };
}

/** A key that we have been told of. One that the token brings counts only with a certificate of ours behind it. */
async function keyFor(token: string, { certificates, keys, now }: ExternalOptions): Promise<KeyObject | undefined> {
  const { kid, x5c } = readUnverified(token)?.header ?? {};
  if (typeof kid === 'string') {
    const known = certificates?.byKid(kid) ?? (await keys?.find(kid));
    if (known) return known;
  }
  return Array.isArray(x5c) ? certificates?.byChain(x5c.map(String), now()) : undefined;
}

/** May everything: what it may not, the token does not say. */
function toPrincipal(claims: Readonly<Record<string, unknown>>): Principal {
  const name = typeof claims['sub'] === 'string' ? claims['sub'] : '';
  return {
    kind: 'external',
    id: `external:${name}`,
    name,
    admin: true,
    grants: nothing,
    pullsPublic: false,
    bearer: readAccess(claims['access']),
  };
}

function readAccess(access: unknown): readonly Scope[] {
  if (!Array.isArray(access)) return [];
  return access.flatMap((entry: unknown) => {
    const { type, name, actions } = (entry ?? {}) as Readonly<Record<string, unknown>>;
    return Array.isArray(actions) ? parseScopes([`${String(type)}:${String(name)}:${actions.map(String).join(',')}`]) : [];
  });
}
