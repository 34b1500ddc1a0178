import type { Audit } from './accounts/audit.ts';
import type { BearerTokens } from './tokens/bearer.ts';
import { type Identity, anonymousIdentity } from './permissions/identity.ts';
import type { Logins } from './login/logins.ts';
import type { Principal } from './permissions/principal.ts';
import { AuthenticationError } from './credentials/authentication-error.ts';
import type { Permissions } from './accounts/permissions.ts';

/** Authenticates requests by their `Authorization` header. `address`: of the client, for the throttle and the audit log. */
export interface Authenticator {
  /** Returns the principal of a request: an anonymous one without a header. Throws `AuthenticationError`. */
  principal(authorization: string | undefined, address: string): Promise<Principal>;
  /** Authenticates a request for a bearer token, which cannot itself send one. Throws `AuthenticationError`. */
  identity(authorization: string | undefined, address: string): Promise<Identity>;
}

export interface AuthenticatorOptions {
  readonly bearerTokens: Pick<BearerTokens, 'verify' | 'hasExpired'>;
  readonly logins: Logins;
  readonly permissions: Permissions;
  readonly audit: Pick<Audit, 'record'>;
}

export function createAuthenticator({ bearerTokens, logins, permissions, audit }: AuthenticatorOptions): Authenticator {
  async function byBearer(token: string, address: string): Promise<Principal> {
    const claims = await bearerTokens.verify(token);
    const principal = claims && (await permissions.permissionsFor(claims.identity));
    if (!claims || !principal) {
      if (!bearerTokens.hasExpired(token)) {
        const detail = JSON.stringify({ kind: 'bearer' });
        audit.record({ actor: '', address, action: 'login', target: '', result: 'refused', isClaimed: true, detail });
      }
      throw new AuthenticationError('bearer');
    }
    return { ...principal, bearer: claims.access };
  }

  async function identity(authorization: string | undefined, address: string): Promise<Identity> {
    if (authorization === undefined) return anonymousIdentity;
    const basic = parseBasic(authorization);
    if (!basic) throw new AuthenticationError('credentials');
    return logins.login(basic.name, basic.secret, address);
  }

  return {
    identity,
    async principal(authorization, address) {
      const token = authorization === undefined ? undefined : parseBearer(authorization);
      if (token !== undefined) return byBearer(token, address);
      const principal = await permissions.permissionsFor(await identity(authorization, address));
      if (!principal) throw new AuthenticationError('credentials');
      return principal;
    },
  };
}

/** RFC 6750, section 2.1. The scheme is case-insensitive (RFC 9110, section 11.1). */
function parseBearer(authorization: string): string | undefined {
  return /^bearer +(\S+)$/i.exec(authorization)?.[1];
}

/** RFC 7617: UTF-8; the name ends at the first colon. */
function parseBasic(authorization: string): { readonly name: string; readonly secret: string } | undefined {
  const encoded = /^basic +([A-Za-z0-9+/_=-]+)$/i.exec(authorization)?.[1];
  const text = encoded === undefined ? '' : Buffer.from(encoded, 'base64').toString();
  const colon = text.indexOf(':');
  return colon < 0 ? undefined : { name: text.slice(0, colon), secret: text.slice(colon + 1) };
}
