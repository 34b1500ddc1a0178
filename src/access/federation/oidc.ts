import { createHash, createHmac, randomBytes } from 'node:crypto';
import type { Configuration } from 'openid-client';
import { type OidcRegistration, discover, jwksOf } from './discovery.ts';
import { type Claims, decodeUnverified, verifyExternalJwt } from './external-jwt.ts';
import { IssuerUnavailable } from './jwks.ts';
import { OidcError, invalidIdToken } from './oidc-error.ts';
import { exchangeCode } from './token-exchange.ts';
import { isRecent } from '../../coordination/recent.ts';

/** Signs users in by an OpenID Connect provider: authorization code flow with PKCE (RFC 7636). */
export interface OidcClient {
  /**
   * Returns the provider's address to which the browser is redirected. `attempt`: a secret of the browser (see `newAttempt`),
   * to be passed to `redeem`. `redirectUri`: the address to which the provider sends the browser back. Rejects
   * `IssuerUnavailable`.
   */
  authorizationUrl(attempt: string, redirectUri: string): Promise<string>;
  /**
   * Returns the user whom the provider sent back with `query`. Throws `OidcError` where the response does not belong to
   * `attempt` or is not valid; rejects `IssuerUnavailable`.
   */
  redeem(query: URLSearchParams, attempt: string, redirectUri: string): Promise<OidcUser>;
}

export interface OidcUser {
  /** The provider's identifier of the user: never reassigned. */
  readonly subject: string;
  /** The value of the configured claim. */
  readonly name: string;
}

export interface OidcSettings extends OidcRegistration {
  readonly issuer: string;
  /** Separated by spaces. */
  readonly scopes: string;
  readonly claim: string;
}

const discoveryMilliseconds = 10 * 60_000;
const maxSubjectLength = 255;

/** Returns the secret of one login attempt. `state`, `nonce` and code verifier derive from it, so that berth stores nothing. */
export function newAttempt(): string {
  return randomBytes(32).toString('base64url');
}

/** No derived secret reveals another one or the attempt. */
function deriveSecret(attempt: string, part: 'state' | 'nonce' | 'verifier'): string {
  return createHmac('sha256', attempt).update(part).digest('base64url');
}

/** `now` in milliseconds. Discovery runs, and openid-client is loaded, at the first login. */
export function createOidcClient(settings: OidcSettings, now: () => number): OidcClient {
  const { issuer, clientId, scopes, claim } = settings;
  const configuration = cachedFor(discoveryMilliseconds, now, () => discover(issuer, settings));
  const keys = jwksOf(configuration, now);

  async function requireConfiguration(): Promise<Configuration> {
    try {
      return await configuration();
    } catch (error) {
      throw new IssuerUnavailable('the login provider is not available', { cause: error });
    }
  }

  async function verifyIdToken(idToken: string): Promise<Claims> {
    const { header } = (await decodeUnverified(idToken)) ?? {};
    const key = header && (await keys.find(header));
    const claims = key && (await verifyExternalJwt(idToken, key, { issuer, audience: clientId, now: now() }));
    const { azp } = claims ?? {};
    if (!claims || (azp !== undefined && azp !== clientId)) throw invalidIdToken();
    return claims;
  }

  return {
    async authorizationUrl(attempt, redirectUri) {
      const [{ buildAuthorizationUrl }, server] = [await import('openid-client'), await requireConfiguration()];
      const parameters = {
        redirect_uri: redirectUri,
        scope: scopes,
        state: deriveSecret(attempt, 'state'),
        nonce: deriveSecret(attempt, 'nonce'),
        code_challenge: createHash('sha256').update(deriveSecret(attempt, 'verifier')).digest('base64url'),
        code_challenge_method: 'S256',
      };
      try {
        return buildAuthorizationUrl(server, parameters).href;
      } catch (cause) {
        throw new IssuerUnavailable(`the discovery document of ${issuer} has no usable authorization_endpoint`, { cause });
      }
    },

    async redeem(query, attempt, redirectUri) {
      const idToken = await exchangeCode(await requireConfiguration(), query, redirectUri, {
        expectedState: deriveSecret(attempt, 'state'),
        expectedNonce: deriveSecret(attempt, 'nonce'),
        pkceCodeVerifier: deriveSecret(attempt, 'verifier'),
      });
      return readUser(await verifyIdToken(idToken), claim);
    },
  };
}

function readUser(claims: Claims, claim: string): OidcUser {
  const { sub: subject, [claim]: name } = claims;
  if (typeof subject !== 'string' || subject === '' || subject.length > maxSubjectLength) throw invalidIdToken();
  if (typeof name !== 'string') throw new OidcError(`the provider has not said your name: its token has no ${claim}`);
  if (claim === 'email' && claims['email_verified'] === false) throw new OidcError('the provider has not verified your email');
  return { subject, name };
}

/** Caches the configuration for so long; failures are not cached. */
function cachedFor(milliseconds: number, now: () => number, load: () => Promise<Configuration>): () => Promise<Configuration> {
  let loadedAt = -Infinity;
  let cached: Promise<Configuration> | undefined;
  return () => {
    if (!cached || !isRecent(loadedAt, milliseconds, now())) {
      const loading = load();
      loading.catch(() => cached === loading && (cached = undefined));
      [cached, loadedAt] = [loading, now()];
    }
    return cached;
  };
}
