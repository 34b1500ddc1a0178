import type { AddressRule } from '../../../upstream/address-guard.ts';
import type { Credential } from '../../../upstream/credential.ts';
import { toError } from '../../../upstream/response-error.ts';
import { type UpstreamResponse, type Transport, bodyOf, discard, readWhole } from '../../../upstream/transport.ts';
import type { UpstreamClient } from '../../../upstream/upstream-client.ts';
import { UpstreamError } from '../../../upstream/upstream-error.ts';

/**
 * How a request for a listing proves who asks: as other requests to the registry do, with the login itself, with its
 * password as a token, or with a token of Docker Hub for the login.
 */
export type LoginForm = 'registry' | 'basic' | 'bearer' | 'dockerhub';

export interface JsonAnswer {
  readonly document: unknown;
  /** The header `Link`. */
  readonly link: string | undefined;
}

/** Reads JSON from the APIs of registries. Rejects with `UpstreamError` unless the answer is 200. */
export interface JsonClient {
  get(url: URL, login: LoginForm): Promise<JsonAnswer>;
}

export interface JsonClientOptions {
  readonly client: UpstreamClient;
  readonly transport: Transport;
  /** Returns the login for the whole registry; undefined: none. */
  readonly credential: () => Promise<Credential | undefined>;
  /** Hosts that the operator has configured: they may have private addresses. */
  readonly trustedHosts: readonly string[];
  readonly now: () => number;
  readonly signal: AbortSignal;
}

const largestBytes = 16 * 1024 * 1024;
const dockerHubTokens = '/v2/auth/token';

export function createJsonClient(options: JsonClientOptions): JsonClient {
  const { client, transport, credential, trustedHosts, now, signal } = options;
  const ruleFor = ({ hostname }: URL): AddressRule => (trustedHosts.includes(hostname) ? 'any' : 'public');

  async function authorization(url: URL, login: LoginForm): Promise<string | undefined> {
    const found = await credential();
    if (!found) return undefined;
    if (login === 'basic') return `Basic ${Buffer.from(`${found.username}:${found.password}`).toString('base64')}`;
    return `Bearer ${login === 'dockerhub' ? await dockerHubToken(url, found) : found.password}`;
  }

  /** Docker Hub's API wants a token for the user name and password (docs.docker.com, "Create access token"). */
  async function dockerHubToken(url: URL, { username, password }: Credential): Promise<string> {
    const body = Buffer.from(JSON.stringify({ identifier: username, secret: password }));
    const target = new URL(dockerHubTokens, url);
    const response = await transport.send({
      method: 'POST',
      url: target,
      headers: { 'User-Agent': 'berth', 'Content-Type': 'application/json', 'Content-Length': body.length },
      rule: ruleFor(target),
      signal,
      body: bodyOf(body),
    });
    const token = ((await readJson(response)) as { readonly access_token?: unknown } | null)?.access_token;
    if (typeof token !== 'string') throw new UpstreamError('bad_content', 'Docker Hub sent no token');
    return token;
  }

  async function readJson(response: UpstreamResponse): Promise<unknown> {
    const { statusCode: status = 0 } = response;
    if (status !== 200) {
      discard(response);
      if (status === 401 || status === 403)
        throw new UpstreamError('login_refused', `the listing was refused (${status})`, { status });
      throw toError(response, `the listing was answered with status ${status}`, now());
    }
    try {
      return JSON.parse((await readWhole(response, largestBytes)).toString()) as unknown;
    } catch (error) {
      throw error instanceof UpstreamError ? error : new UpstreamError('bad_content', 'the listing is no JSON', { cause: error });
    }
  }

  async function send(url: URL, login: LoginForm): Promise<UpstreamResponse> {
    if (login === 'registry')
      return client.request({ method: 'GET', remoteName: '', path: '_catalog', url, scope: 'registry:catalog:*', signal });
    const proof = await authorization(url, login);
    const headers = {
      'User-Agent': 'berth',
      Accept: 'application/json',
      ...(proof === undefined ? {} : { Authorization: proof }),
    };
    return transport.send({ method: 'GET', url, headers, rule: ruleFor(url), signal });
  }

  return {
    async get(url, login) {
      const response = await send(url, login);
      const link = response.headers['link'];
      return { document: await readJson(response), link: Array.isArray(link) ? link.join(', ') : link };
    },
  };
}
