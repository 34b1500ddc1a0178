import type { KeyObject } from 'node:crypto';
import type { CryptoKey, JWSHeaderParameters } from 'jose';
import { clockSkewSeconds } from './discovery.ts';

/** Tokens (JWT) signed by other servers. jose is loaded for the first of them. */

/** Only asymmetric ones: a public key is never a shared secret. */
const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512'];
const maxTokenLength = 16_384;

export type Claims = Readonly<Record<string, unknown>>;

export interface UnverifiedJwt {
  readonly header: JWSHeaderParameters;
  readonly claims: Claims;
}

/** Decodes a token to find the key to verify it with: nothing in it may be trusted. Undefined for text that is no JWT. */
export async function decodeUnverified(token: string): Promise<UnverifiedJwt | undefined> {
  if (token.length > maxTokenLength || token.split('.').length !== 3) return undefined;
  const { decodeJwt, decodeProtectedHeader } = await import('jose');
  try {
    return { header: decodeProtectedHeader(token), claims: decodeJwt(token) };
  } catch {
    return undefined;
  }
}

export interface ExpectedClaims {
  readonly issuer: string;
  readonly audience: string;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/**
 * Returns the claims of a token; undefined where signature, issuer, audience or time are not as expected, or it never
 * expires.
 */
export async function verifyExternalJwt(
  token: string,
  key: CryptoKey | KeyObject,
  { issuer, audience, now }: ExpectedClaims,
): Promise<Claims | undefined> {
  const { jwtVerify } = await import('jose');
  try {
    const { payload } = await jwtVerify(token, key, {
      algorithms,
      issuer,
      audience,
      requiredClaims: ['exp'],
      currentDate: new Date(now),
      clockTolerance: clockSkewSeconds,
    });
    return payload;
  } catch {
    return undefined;
  }
}
