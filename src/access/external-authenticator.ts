import { type KeyObject, hash } from 'node:crypto';
import type { CryptoKey } from 'jose';
import { createLru } from '../coordination/lru.ts';
import { parseRepositoryName } from '../oci/reference.ts';
import type { Authenticator } from './authenticator.ts';
import { decodeUnverified, verifyExternalJwt } from './federation/external-jwt.ts';
import { type Grant, compileGrants } from './permissions/grants.ts';
import type { Jwks } from './federation/jwks.ts';
import { parsePattern } from '../oci/patterns/repository-pattern.ts';
import { type Principal, anonymous, scopeActions } from './permissions/principal.ts';
import { AuthenticationError } from './credentials/authentication-error.ts';
import type { Scope } from './permissions/scope.ts';
import type { TrustedCertificates } from './federation/trusted-certificates.ts';
import { isRecent } from '../coordination/recent.ts';

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
  /** Milliseconds since 1970, as the next one. */
  readonly verifiedAt: number;
  readonly expiresAt: number;
}

/**
 * Mode external: another token server grants permissions by its bearer tokens, as with `auth.token` of registry:2. Clients
 * have no other way to authenticate.
 */
export function createExternalAuthenticator(options: ExternalOptions): Pick<Authenticator, 'principal'> {
  const { issuer, service: audience, now } = options;
  const verified = createLru<VerifiedToken>(20_000);

  async function verify(token: string): Promise<VerifiedToken | undefined> {
    const key = await keyFor(token, options);
    const claims = key && (await verifyExternalJwt(token, key, { issuer, audience, now: now() }));
    if (!claims) return undefined;
    return { principal: toPrincipal(claims), verifiedAt: now(), expiresAt: Number(claims['exp']) * 1000 };
  }

  return {
    async principal(authorization) {
      const token = /^bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
      if (token === undefined) return anonymous({ pullsPublic: false });
      const key = hash('sha256', token, 'base64');
      const cached = verified.get(key);
      const isValid = cached && cached.expiresAt > now() && isRecent(cached.verifiedAt, Infinity, now());
      const found = isValid ? cached : await verify(token);
      if (!found) throw new AuthenticationError('bearer');
      verified.set(key, found);
      return found.principal;
    },
  };
}

/**
 * Returns the key to verify a token with: a configured certificate's, or one of the configured JWKS. The token's own certificate
 * (`x5c`) counts only if a configured one issued it; keys in its header (`jwk`, `jku`) never do.
 */
async function keyFor(token: string, { certificates, keys, now }: ExternalOptions): Promise<CryptoKey | KeyObject | undefined> {
  const header = (await decodeUnverified(token))?.header;
  if (!header) return undefined;
  const { kid, x5c } = header;
  const key = kid === undefined ? undefined : (certificates?.byKid(kid) ?? (await keys?.find(header)));
  return key ?? (Array.isArray(x5c) ? certificates?.byChain(x5c.map(String), now()) : undefined);
}

/** The scopes of the token are the principal's only grants. */
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

/** Reads the `access` claim. Malformed entries, and those of unknown types, grant nothing. */
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
