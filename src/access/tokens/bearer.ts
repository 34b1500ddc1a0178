import { type KeyObject, hash, randomUUID } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { createLru } from '../../coordination/lru.ts';
import type { Identity } from '../permissions/identity.ts';
import type { Scope } from '../permissions/scope.ts';
import type { SigningKeys } from './signing-keys.ts';

/** The identity of a bearer token and the scopes that it was issued for. */
export interface BearerClaims {
  readonly identity: Identity;
  readonly access: readonly Scope[];
}

export interface IssuedBearer {
  readonly token: string;
  readonly expiresInSeconds: number;
  readonly issuedAt: Date;
}

/** Issues and verifies bearer tokens: JWT signed by ES256, valid for minutes. */
export interface BearerTokens {
  /** `name`: the `sub` claim, for people who read the token. */
  issue(name: string, claims: BearerClaims): Promise<IssuedBearer>;
  /** Returns the claims of a valid token of this installation, else undefined. Does not check that the identity still exists. */
  verify(token: string): Promise<BearerClaims | undefined>;
  /** True if the token, unverified, has expired: clients use theirs until they get a 401. */
  hasExpired(token: string): boolean;
}

export interface BearerOptions {
  readonly keys: SigningKeys;
  readonly now: () => number;
  readonly lifetimeSeconds: number;
}

/** `iss` and `aud`: installations differ by their keys, so that they may share the name. */
const issuerName = 'berth';
/** Greatest difference between the clocks of replicas. */
const skewSeconds = 30;
const maxVerified = 20_000;
/** Longer than any token that berth issues. */
const maxTokenLength = 12_000;

interface Payload extends BearerClaims {
  readonly nbf: number;
  readonly exp: number;
}

interface Verified {
  readonly claims: BearerClaims;
  readonly kid: string;
  readonly validFromSeconds: number;
  readonly expiresAtSeconds: number;
}

export function createBearerTokens({ keys, now, lifetimeSeconds }: BearerOptions): BearerTokens {
  /** By the token's hash. A signature stays valid as long as its key; the times are checked at every use: clocks are set back. */
  const verified = createLru<Verified>(maxVerified);
  const seconds = () => Math.floor(now() / 1000);

  async function verifyAnew(token: string, key: string): Promise<Verified | undefined> {
    const kid = kidOf(token);
    const signingKey = kid === undefined ? undefined : await keys.find(kid);
    if (!signingKey) return undefined;
    const payload = readPayload(token, signingKey.publicKey, seconds());
    if (!payload) return undefined;
    const { identity, access, nbf, exp } = payload;
    const result = { claims: { identity, access }, kid: signingKey.kid, validFromSeconds: nbf, expiresAtSeconds: exp };
    verified.set(key, result);
    return result;
  }

  return {
    async issue(name, { identity, access }) {
      const { kid, privateKey } = await keys.current();
      const iat = seconds();
      const payload = { sub: name, iat, nbf: iat, exp: iat + lifetimeSeconds, jti: randomUUID(), identity, access };
      const token = jwt.sign({ iss: issuerName, aud: issuerName, ...payload }, privateKey, { algorithm: 'ES256', keyid: kid });
      return { token, expiresInSeconds: lifetimeSeconds, issuedAt: new Date(iat * 1000) };
    },

    async verify(token) {
      if (token.length > maxTokenLength) return undefined;
      const key = hash('sha256', token, 'base64');
      const known = verified.get(key);
      if (known && !(await keys.find(known.kid))) return undefined;
      const found = known ?? (await verifyAnew(token, key));
      return found && isValidAt(found, seconds()) ? found.claims : undefined;
    },

    hasExpired: (token) => token.length <= maxTokenLength && expiryOf(token) + skewSeconds <= seconds(),
  };
}

function isValidAt({ validFromSeconds, expiresAtSeconds }: Verified, seconds: number): boolean {
  return validFromSeconds - skewSeconds <= seconds && expiresAtSeconds + skewSeconds > seconds;
}

/** Returns `exp` of an unverified token in seconds since 1970; Infinity if there is none. */
function expiryOf(token: string): number {
  try {
    const payload = jwt.decode(token);
    return typeof payload === 'object' && payload !== null ? (payload.exp ?? Infinity) : Infinity;
  } catch {
    return Infinity;
  }
}

/** Returns the id of the key to verify a token with. Keys in the token's header are ignored. */
function kidOf(token: string): string | undefined {
  try {
    const header = jwt.decode(token, { complete: true })?.header;
    return header?.alg === 'ES256' && typeof header.kid === 'string' ? header.kid : undefined;
  } catch {
    return undefined;
  }
}

function readPayload(token: string, key: KeyObject, seconds: number): Payload | undefined {
  try {
    const payload: unknown = jwt.verify(token, key, {
      algorithms: ['ES256'],
      issuer: issuerName,
      audience: issuerName,
      clockTimestamp: seconds,
      clockTolerance: skewSeconds,
    });
    const { identity, access, nbf, exp } = payload as Partial<Payload>;
    return identity && access && typeof nbf === 'number' && typeof exp === 'number' ? { identity, access, nbf, exp } : undefined;
  } catch {
    return undefined;
  }
}
