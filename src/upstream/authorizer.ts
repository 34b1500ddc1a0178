import { createHash } from 'node:crypto';
import type { AddressRule } from './address-guard.ts';
import { type Challenge, mayTrust, parseChallenge } from './challenge.ts';
import { type Token, type Tokens, parseToken } from './tokens.ts';
import { type Transport, discard, readWhole } from './transport.ts';
import type { Credential, Login } from './credential.ts';
import type { Upstream } from './upstream.ts';
import { toError } from './response-error.ts';
import { UpstreamError } from './upstream-error.ts';

/** The purpose and the login of a request. */
export interface Purpose {
  readonly url: URL;
  readonly scope: string;
  readonly login: Login | undefined;
  readonly rule: AddressRule;
}

/** Makes `Authorization` headers. Once an origin has sent a challenge, later requests answer it in advance. */
export interface Authorizer {
  header(purpose: Purpose): Promise<string | undefined>;
  /** The answer to a 401 on `refused`; undefined where there is none. */
  answer(purpose: Purpose, challenge: string | undefined, refused: string | undefined): Promise<string | undefined>;
}

/** True if the header contains the login itself instead of a token. */
export function isBasic(authorization: string | undefined): boolean {
  return authorization?.startsWith('Basic ') === true;
}

export interface AuthorizerOptions {
  readonly upstream: Upstream;
  readonly transport: Transport;
  readonly tokens: Tokens;
  readonly now: () => number;
  /** Called with whether the token server accepts a login. `key`: its place in the configuration. */
  readonly onLogin: (key: string, isAccepted: boolean) => void;
}

const largestTokenBytes = 256 * 1024;

export function createAuthorizer({ upstream, transport, tokens, now, onLogin }: AuthorizerOptions): Authorizer {
  const challenges = new Map<string, Challenge>();

  function keyOf({ url, scope, login }: Purpose): string {
    return JSON.stringify([upstream.name, url.origin, login && fingerprint(login.credential), scope]);
  }

  async function fetchToken(purpose: Purpose, challenge: Extract<Challenge, { scheme: 'bearer' }>): Promise<Token> {
    const url = new URL(challenge.realm);
    if (challenge.service !== undefined) url.searchParams.set('service', challenge.service);
    for (const scope of scopeFor(purpose, challenge).split(' ')) url.searchParams.append('scope', scope);
    const login = mayTrust(url, purpose.url) ? purpose.login : undefined;
    const headers = login ? { Authorization: basic(login.credential) } : {};
    const rule = url.hostname === upstream.url.hostname || upstream.redirects.includes(url.hostname) ? 'any' : purpose.rule;
    const response = await transport.send({ method: 'GET', url, headers: { 'User-Agent': 'berth', ...headers }, rule });
    const { statusCode = 0 } = response;
    const isRefused = statusCode === 401 || statusCode === 403;
    if (login && (isRefused || statusCode === 200)) onLogin(login.key, !isRefused);
    if (statusCode === 200) return parseToken(await readWhole(response, largestTokenBytes), now());
    discard(response);
    if (isRefused) throw new UpstreamError(login ? 'login_refused' : 'denied', 'the token server refuses the login');
    throw toError(response, `the token server answered ${statusCode}`, now());
  }

  /**
   * Registries name the repository that was asked for: one answer serves all of them. Some have scopes of their own
   * (`aws`), and where a redirect has led the repository has another name.
   */
  function scopeFor({ url, scope }: Purpose, challenge: { readonly scope: string | undefined }): string {
    const isUsual = url.origin === upstream.url.origin && challenge.scope?.startsWith('repository:') === true;
    return isUsual ? scope : (challenge.scope ?? scope);
  }

  async function meet(challenge: Challenge, purpose: Purpose): Promise<string | undefined> {
    if (challenge.scheme === 'basic') return purpose.login && basic(purpose.login.credential);
    return `Bearer ${await tokens.get(keyOf(purpose), () => fetchToken(purpose, challenge))}`;
  }

  return {
    async header(purpose) {
      const challenge = challenges.get(purpose.url.origin);
      if (challenge?.scheme !== 'bearer' || purpose.url.origin === upstream.url.origin)
        return challenge && meet(challenge, purpose);
      // The last challenge of that origin named another repository.
      const token = tokens.cached(keyOf(purpose));
      return token && `Bearer ${token}`;
    },
    async answer(purpose, header, refused) {
      if (refused?.startsWith('Bearer ')) tokens.forget(keyOf(purpose), refused.slice('Bearer '.length));
      const challenge = parseChallenge(header);
      if (!challenge) return undefined;
      challenges.set(purpose.url.origin, challenge);
      const answer = await meet(challenge, purpose);
      return answer === refused ? undefined : answer;
    },
  };
}

/** Logins that differ never share a token, also where only their passwords do. */
function fingerprint({ username, password }: Credential): string {
  return createHash('sha256')
    .update(JSON.stringify([username, password]))
    .digest('base64');
}

function basic({ username, password }: Credential): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}
