import type { Configuration } from 'openid-client';
import { toLoginError } from './exchange-errors.ts';
import { invalidIdToken } from './oidc-error.ts';

/** The values that the provider's responses must contain, and the PKCE verifier. */
export interface AttemptChecks {
  readonly expectedState: string;
  readonly expectedNonce: string;
  readonly pkceCodeVerifier: string;
}

/** The parameters of an authorization response (RFC 6749, section 4.1.2, and RFC 9207). */
const responseParameters = ['code', 'state', 'iss', 'error'];

/**
 * Checks an authorization response and exchanges its code for an ID token. The token's claims are checked, its signature is not.
 * Throws `OidcError` where the response does not belong to the attempt, the provider refuses, or a claim is wrong; rejects
 * `IssuerUnavailable` where the provider fails.
 */
export async function exchangeCode(
  configuration: Configuration,
  query: URLSearchParams,
  redirectUri: string,
  checks: AttemptChecks,
): Promise<string> {
  const { authorizationCodeGrant } = await import('openid-client');
  const callback = new URL(redirectUri);
  for (const name of responseParameters) {
    const value = query.get(name);
    if (value !== null) callback.searchParams.set(name, value);
  }
  let idToken: string | undefined;
  try {
    idToken = (await authorizationCodeGrant(configuration, callback, { ...checks, idTokenExpected: true })).id_token;
  } catch (error) {
    throw await toLoginError(error, callback.searchParams.has('code'), checks.expectedNonce);
  }
  if (idToken === undefined) throw invalidIdToken();
  return idToken;
}
