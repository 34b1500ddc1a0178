import type { KeyObject } from 'node:crypto';
import jwt from 'jsonwebtoken';

/** Tokens (JWT) that others have signed. */

/** Asymmetric, all of them: a public key is never a secret. */
const algorithms: jwt.Algorithm[] = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512'];
const skewSeconds = 60;
const maxTokenLength = 16_384;

export interface Unverified {
  readonly header: { readonly kid?: unknown; readonly alg?: unknown; readonly x5c?: unknown };
  readonly claims: Readonly<Record<string, unknown>>;
}

/** What the token says of itself: nothing to believe, only to find its key by. Undefined for what is no JWT. */
export function readUnverified(token: string): Unverified | undefined {
  if (token.length > maxTokenLength || token.split('.').length !== 3) return undefined;
  try {
    const decoded = jwt.decode(token, { complete: true });
    return decoded && typeof decoded.payload === 'object' ? { header: decoded.header, claims: decoded.payload } : undefined;
  } catch {
    return undefined;
  }
}

export interface ExpectedClaims {
  readonly issuer: string;
  /** Undefined: asked for elsewhere. */
  readonly audience?: string | undefined;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** The claims; undefined where the signature, the issuer, the audience or the time is not as expected. */
export function verifyExternalJwt(
  token: string,
  key: KeyObject,
  { issuer, audience, now }: ExpectedClaims,
): Unverified['claims'] | undefined {
  try {
    const claims: unknown = jwt.verify(token, key, {
      algorithms,
      issuer,
      ...(audience === undefined ? {} : { audience }),
      clockTimestamp: Math.floor(now / 1000),
      clockTolerance: skewSeconds,
    });
    if (typeof claims !== 'object' || claims === null || !('exp' in claims)) return undefined;
    return claims;
  } catch {
    return undefined;
  }
}
