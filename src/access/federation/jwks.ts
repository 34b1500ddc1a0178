import { type JsonWebKey, type KeyObject, createPublicKey } from 'node:crypto';

/** Somebody else's public keys (RFC 7517), by kid. */
export interface Jwks {
  /** Undefined for a key that is not in the set, also not now. Rejects `IssuerUnavailable` where the set has never been got. */
  find(kid: string): Promise<KeyObject | undefined>;
}

/** An issuer's keys could not be got: nobody knows whether its tokens are good. */
export class IssuerUnavailable extends Error {
  override readonly name = 'IssuerUnavailable';
}

/** Keys are rotated, and sometimes taken away: the set is got again this often … */
const freshMilliseconds = 10 * 60_000;
/** … in the background from this age on, so that logins with known keys do not wait for a slow issuer … */
const refreshAheadMilliseconds = 8 * 60_000;
/** … and for a kid that it does not have, but not for every one that somebody makes up. */
const leastMilliseconds = 30_000;

/** `load` gets the set. While it fails, what was got last is used. `now` in milliseconds. */
export function createJwks(load: () => Promise<readonly JsonWebKey[]>, now: () => number): Jwks {
  let keys = new Map<string, KeyObject>();
  let triedAt = -Infinity;
  /** When the last attempt began that has succeeded or failed since. */
  let settledAt = -Infinity;
  let isKnown = false;
  let failure: unknown;
  let loading: Promise<void> | undefined;

  async function refresh(): Promise<void> {
    const startedAt = (triedAt = now());
    try {
      keys = importKeys(await load());
      isKnown = true;
    } catch (error) {
      failure = error;
    } finally {
      settledAt = startedAt;
      loading = undefined;
    }
  }

  return {
    async find(kid) {
      const age = now() - triedAt;
      const isKnownKid = keys.has(kid);
      if (age >= (isKnownKid ? refreshAheadMilliseconds : leastMilliseconds)) loading ??= refresh();
      // A token with a made-up kid waits for the issuer; those with known keys go on meanwhile.
      const mayUseKnown = isKnownKid && now() - settledAt < freshMilliseconds;
      if (loading && !mayUseKnown) await loading;
      if (!isKnown) throw new IssuerUnavailable('the keys of the issuer can not be got', { cause: failure });
      return keys.get(kid);
    },
  };
}

/** Keys for something else than signatures, and those that can not be read, are left out. */
export function importKeys(jwks: readonly JsonWebKey[]): Map<string, KeyObject> {
  return new Map(
    jwks.flatMap((jwk): [string, KeyObject][] => {
      if (typeof jwk['kid'] !== 'string' || jwk['use'] === 'enc') return [];
      try {
        return [[jwk['kid'], createPublicKey({ key: jwk, format: 'jwk' })]];
      } catch {
        return [];
      }
    }),
  );
}

/** The keys in a JWKS document. Throws for what is none. */
export function readJwks(document: unknown): readonly JsonWebKey[] {
  const keys = typeof document === 'object' && document !== null && 'keys' in document ? document.keys : undefined;
  if (!Array.isArray(keys)) throw new Error('not a JSON Web Key Set: it has no list of keys');
  return keys as readonly JsonWebKey[];
}

const timeoutMilliseconds = 10_000;
const largestDocument = 1024 * 1024;

/** What is asked, where it is more than a GET. */
export interface JsonRequest {
  readonly method: 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body: URLSearchParams;
  /** Statuses of answers that are read although they are failures. */
  readonly accept: readonly number[];
}

/** Gets a JSON document of an issuer that the operator has named. Redirects are not followed. */
export async function fetchJson(url: string, { accept = [], ...asked }: Partial<JsonRequest> = {}): Promise<unknown> {
  const response = await fetch(url, { ...asked, redirect: 'error', signal: AbortSignal.timeout(timeoutMilliseconds) });
  if (!response.ok && !accept.includes(response.status)) throw new Error(`${url} answered ${response.status}`);
  let text = '';
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += chunk;
    if (text.length > largestDocument) throw new Error(`${url} is too large`);
  }
  return JSON.parse(text);
}

/** The keys of an OpenID Connect issuer: at `jwksUrl`, or where its discovery document says. */
export function issuerKeys(issuer: string, jwksUrl: string | undefined, now: () => number): Jwks {
  return createJwks(async () => readJwks(await fetchJson(jwksUrl ?? (await discover(issuer)).jwksUrl)), now);
}

/** Where an OpenID Connect issuer answers. */
export interface Discovery {
  readonly jwksUrl: string;
  readonly authorizationUrl: string | undefined;
  readonly tokenUrl: string | undefined;
}

/** OpenID Connect Discovery 1.0, section 4. The document must be the issuer's own. */
export async function discover(issuer: string): Promise<Discovery> {
  const document = await fetchJson(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`);
  const fields = (typeof document === 'object' ? document : null) as Readonly<Record<string, unknown>> | null;
  const url = (name: string) => (typeof fields?.[name] === 'string' ? fields[name] : undefined);
  const jwksUrl = url('jwks_uri');
  if (fields?.['issuer'] !== issuer || jwksUrl === undefined) throw new Error(`${issuer} does not describe itself`);
  return { jwksUrl, authorizationUrl: url('authorization_endpoint'), tokenUrl: url('token_endpoint') };
}
