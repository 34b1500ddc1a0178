import { type KeyObject, hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { parseRepositoryName } from '../oci/reference.ts';
import type { Authenticator } from './authenticator.ts';
import { readUnverified, verifyExternalJwt } from './federation/external-jwt.ts';
import { type Grant, compileGrants } from './permissions/grants.ts';
import type { Jwks } from './federation/jwks.ts';
import { parsePattern } from './permissions/pattern.ts';
import { type Principal, anonymous, scopeActions } from './permissions/principal.ts';
import { AuthenticationError } from './credentials/authentication-error.ts';
import type { Scope } from './permissions/scope.ts';
import type { TrustedCertificates } from './federation/trusted-certificates.ts';

export interface ExternalOptions {
  /** `iss` and `aud` of its tokens. */
  readonly issuer: string;
  readonly service: string;
  readonly certificates: TrustedCertificates | undefined;
  readonly keys: Jwks | undefined;
  readonly now: () => number;
}

interface VerifiedToken {
  readonly principal: Principal;
  readonly expiresAt: number;
}

/**
 * Another token server decides who may do what, and its tokens say it: as `auth.token` of registry:2. Nobody is known
 * here but by such a token.
 */
export function createExternalAuthenticator(options: ExternalOptions): Pick<Authenticator, 'principal'> {
  const { issuer, service: audience, now } = options;
  const verified = new LRUCache<string, VerifiedToken>({ max: 20_000 });

  async function verify(token: string): Promise<VerifiedToken | undefined> {
    const key = await keyFor(token, options);
    const claims = key && verifyExternalJwt(token, key, { issuer, audience, now: now() });
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
      if (!found) throw new AuthenticationError('bearer');
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

/** The token alone says what its bearer may do: its scopes are the principal's only grants. */
function toPrincipal(claims: Readonly<Record<string, unknown>>): Principal {
  const name = typeof claims['sub'] === 'string' ? claims['sub'] : '';
  const bearer = readAccess(claims['access']);
  return {
    kind: 'external',
    id: `external:${name}`,
    name,
    admin: false,
    grants: compileGrants(bearer.flatMap(toGrants)),
    pullsPublic: false,
    bearer,
  };
}

function toGrants({ type, name, actions }: Scope): readonly Grant[] {
  const pattern = type === 'repository' ? parsePattern(name) : undefined;
  if (!pattern) return [];
  const granted = Object.entries(scopeActions).filter(([word]) => actions.includes(word) || actions.includes('*'));
  return [{ pattern, actions: granted.flatMap(([, covered]) => covered) }];
}

/** Reads the `access` claim entry by entry. An entry that is malformed, or of a type that berth does not know, grants nothing. */
function readAccess(access: unknown): readonly Scope[] {
  return Array.isArray(access) ? access.flatMap((entry: unknown) => readEntry(entry) ?? []) : [];
}

function readEntry(entry: unknown): Scope | undefined {
  const { type, name, actions } = (entry ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof name !== 'string' || !Array.isArray(actions)) return undefined;
  const words = actions.filter((action): action is string => typeof action === 'string');
  if (type === 'registry' && name === 'catalog') return { type, name, actions: words };
  return type === 'repository' && parseRepositoryName(name) ? { type, name, actions: words } : undefined;
}
