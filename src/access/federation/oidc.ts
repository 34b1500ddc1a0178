import { createHash, createHmac, randomBytes } from 'node:crypto';
import { readUnverified, verifyExternalJwt } from './external-jwt.ts';
import { type Discovery, IssuerUnavailable, createJwks, discover, fetchJson, readJwks } from './jwks.ts';
import { OidcError } from './oidc-error.ts';

/** The OpenID Connect provider that lets people in, by the authorization code flow with PKCE (RFC 7636). */
export interface OidcClient {
  /**
   * Where the browser has to go. `attempt` is a secret that it keeps until it comes back (see `newAttempt`);
   * `redirectUri` is where that is.
   */
  authorizationUrl(attempt: string, redirectUri: string): Promise<string>;
  /**
   * Who has come back with `query`. Throws `OidcRefused` for what does not belong to `attempt`, or is not good; rejects
   * `IssuerUnavailable`.
   */
  redeem(query: URLSearchParams, attempt: string, redirectUri: string): Promise<OidcUser>;
}

export interface OidcUser {
  /** The provider's own name for the person: never given to another. */
  readonly subject: string;
  /** What the configured claim says. */
  readonly name: string;
}

export interface OidcSettings {
  readonly issuer: string;
  readonly clientId: string;
  /** Undefined for a public client: PKCE alone. */
  readonly clientSecret: string | undefined;
  /** Separated by spaces. */
  readonly scopes: string;
  readonly claim: string;
}

const discoveryMilliseconds = 10 * 60_000;

/** A secret of one attempt to log in. `state`, `nonce` and the code verifier come from it, so that nothing is kept here. */
export function newAttempt(): string {
  return randomBytes(32).toString('base64url');
}

/** None of them tells the others, nor the attempt. */
function deriveSecret(attempt: string, part: 'state' | 'nonce' | 'verifier'): string {
  return createHmac('sha256', attempt).update(part).digest('base64url');
}

/** `now` in milliseconds. */
export function createOidcClient(settings: OidcSettings, now: () => number): OidcClient {
  const { issuer, clientId, scopes } = settings;
  const discovery = cachedFor(discoveryMilliseconds, now, () => discover(issuer));
  const keys = createJwks(async () => readJwks(await fetchJson((await discover(issuer)).jwksUrl)), now);

  async function endpoint(name: 'authorizationUrl' | 'tokenUrl'): Promise<string> {
    const url = (await available(discovery))[name];
    if (url === undefined) throw new IssuerUnavailable(`${issuer} does not say where to log in`);
    return url;
  }

  async function verified(idToken: string): Promise<Readonly<Record<string, unknown>>> {
    const kid = readUnverified(idToken)?.header.kid;
    const key = typeof kid === 'string' ? await keys.find(kid) : undefined;
    const claims = key && verifyExternalJwt(idToken, key, { issuer, audience: clientId, now: now() });
    if (!claims || !isForUs(claims, clientId)) throw new OidcError('the provider has sent a token that is not good');
    return claims;
  }

  return {
    async authorizationUrl(attempt, redirectUri) {
      const url = new URL(await endpoint('authorizationUrl'));
      const parameters = {
        response_type: 'code',
        client_id: clientId,
        redirect_uri: redirectUri,
        scope: scopes,
        state: deriveSecret(attempt, 'state'),
        nonce: deriveSecret(attempt, 'nonce'),
        code_challenge: createHash('sha256').update(deriveSecret(attempt, 'verifier')).digest('base64url'),
        code_challenge_method: 'S256',
      };
      for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
      return url.href;
    },

    async redeem(query, attempt, redirectUri) {
      // RFC 9207: where the provider says who it is, it must be the one that was asked.
      if (query.get('state') !== deriveSecret(attempt, 'state') || (query.get('iss') ?? issuer) !== issuer)
        throw unknownAttempt();
      const code = query.get('code');
      if (code === null) throw new OidcError('the provider has not let you in');
      const verifier = deriveSecret(attempt, 'verifier');
      const form = { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: verifier };
      const claims = await verified(await askForToken(await endpoint('tokenUrl'), settings, form));
      if (claims['nonce'] !== deriveSecret(attempt, 'nonce')) throw unknownAttempt();
      return readUser(claims, settings.claim);
    },
  };
}

export function unknownAttempt(): OidcError {
  return new OidcError('this login was not begun in this browser, or has taken too long: begin again');
}

/** OpenID Connect Core 1.0, section 3.1.3.7: of several audiences the authorized party is the one that counts. */
function isForUs({ aud, azp }: Readonly<Record<string, unknown>>, clientId: string): boolean {
  return azp === undefined ? !Array.isArray(aud) || aud.length === 1 : azp === clientId;
}

function readUser(claims: Readonly<Record<string, unknown>>, claim: string): OidcUser {
  const { sub: subject, [claim]: name } = claims;
  if (typeof subject !== 'string' || subject === '' || subject.length > 255) {
    throw new OidcError('the provider has sent a token that is not good');
  }
  if (typeof name !== 'string') throw new OidcError(`the provider has not said your name: its token has no ${claim}`);
  if (claim === 'email' && claims['email_verified'] === false) throw new OidcError('the provider has not verified your email');
  return { subject, name };
}

/** RFC 6749, section 4.1.3; the secret as section 2.3.1 has it. */
async function askForToken(
  url: string,
  { clientId, clientSecret }: OidcSettings,
  form: Readonly<Record<string, string>>,
): Promise<string> {
  const login = `${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret ?? '')}`;
  const headers = clientSecret === undefined ? {} : { Authorization: `Basic ${Buffer.from(login).toString('base64')}` };
  const body = new URLSearchParams(clientSecret === undefined ? { ...form, client_id: clientId } : form);
  const answer = await available(() => fetchJson(url, { method: 'POST', headers, body, accept: [400, 401, 403] }));
  const token = typeof answer === 'object' && answer !== null && 'id_token' in answer ? answer.id_token : undefined;
  if (typeof token !== 'string') throw new OidcError('the provider does not take back what it has given you: begin again');
  return token;
}

async function available<Result>(ask: () => Promise<Result>): Promise<Result> {
  try {
    return await ask();
  } catch (error) {
    throw new IssuerUnavailable('the login provider does not answer', { cause: error });
  }
}

/** A failure is not kept. */
function cachedFor(milliseconds: number, now: () => number, load: () => Promise<Discovery>): () => Promise<Discovery> {
  let loadedAt = -Infinity;
  let loaded: Promise<Discovery> | undefined;
  return () => {
    if (!loaded || now() - loadedAt >= milliseconds) {
      const loading = load();
      loading.catch(() => loaded === loading && (loaded = undefined));
      [loaded, loadedAt] = [loading, now()];
    }
    return loaded;
  };
}
