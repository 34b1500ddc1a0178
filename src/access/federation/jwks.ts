import type { CryptoKey, JSONWebKeySet, JWK, JWSHeaderParameters } from 'jose';
import { isRecent } from '../../coordination/recent.ts';

/** Returns the key that a token's header names. Rejects where the set has no such key. */
type FindKey = (header: JWSHeaderParameters) => Promise<CryptoKey>;

/** The public keys of another server (RFC 7517). */
export interface Jwks {
  /**
   * Returns the key that a token's header names; undefined if the set, refreshed if it is due, has no such key. Rejects
   * `IssuerUnavailable` while no set has ever been fetched.
   */
  find(header: JWSHeaderParameters): Promise<CryptoKey | undefined>;
}

/** The issuer's keys or endpoints could not be fetched: its tokens can be neither accepted nor refused. */
export class IssuerUnavailable extends Error {
  override readonly name = 'IssuerUnavailable';
}

/** Issuers rotate and withdraw keys: a set counts as current for this long … */
const freshMilliseconds = 10 * 60_000;
/** … and is refreshed in the background from this age on, so that logins with cached keys do not wait for a slow issuer. */
const refreshAheadMilliseconds = 8 * 60_000;
/** Least time between two requests for unknown kids: clients can invent any number of them. */
const unknownKidMilliseconds = 30_000;

/**
 * `load` fetches the set. While it fails, the last set stays in use. `now` in milliseconds. Not jose's `createRemoteJWKSet`:
 * that lets tokens with known kids wait for a due refresh, and refuses them while the issuer fails.
 */
export function createJwks(load: () => Promise<JSONWebKeySet>, now: () => number): Jwks {
  let kids: ReadonlySet<string> = new Set();
  let findKey: FindKey | undefined;
  let triedAt = -Infinity;
  /** When the last refresh began that has succeeded or failed since. */
  let settledAt = -Infinity;
  let failure: unknown;
  let loading: Promise<void> | undefined;

  async function refresh(): Promise<void> {
    const startedAt = (triedAt = now());
    try {
      const keys = (await load()).keys.filter(isSignatureKey);
      const { createLocalJWKSet } = await import('jose');
      findKey = createLocalJWKSet({ keys });
      kids = new Set(keys.map(({ kid }) => kid));
    } catch (error) {
      failure = error;
    } finally {
      settledAt = startedAt;
      loading = undefined;
    }
  }

  return {
    async find(header) {
      const { kid } = header;
      if (kid === undefined) return undefined;
      const isCached = kids.has(kid);
      const isTried = isRecent(triedAt, isCached ? refreshAheadMilliseconds : unknownKidMilliseconds, now());
      if (!isTried) loading ??= refresh();
      // Only tokens with unknown kids wait for the issuer, and those with cached ones once the set has expired.
      const mayUseCached = isCached && isRecent(settledAt, freshMilliseconds, now());
      if (loading && !mayUseCached) await loading;
      if (!findKey) throw new IssuerUnavailable("the issuer's keys cannot be fetched", { cause: failure });
      return findKey(header).catch(() => undefined);
    },
  };
}

function isSignatureKey(jwk: JWK): jwk is JWK & { readonly kid: string } {
  return typeof jwk.kid === 'string' && jwk.use !== 'enc' && jwk.kty !== 'oct';
}

/** Returns a JWKS document. Throws for other documents. */
export function readJwks(document: unknown): JSONWebKeySet {
  const keys = typeof document === 'object' && document !== null && 'keys' in document ? document.keys : undefined;
  if (!Array.isArray(keys)) throw new Error('not a JSON Web Key Set: it has no list of keys');
  const objects = keys.filter((key): key is JWK => typeof key === 'object' && key !== null && !Array.isArray(key));
  return { keys: objects };
}
