import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import jwt from 'jsonwebtoken';

/** An OpenID Connect provider that lets everybody in at once, and checks everything that berth has to send it. */
export interface OidcProvider {
  readonly url: string;
  /** The user of the next id tokens, and claims that replace the right ones. */
  claims: Readonly<Record<string, unknown>>;
  algorithm: 'RS256' | 'ES256';
  /** Issued codes and id tokens, and secrets received from berth: none of them may be in a log. */
  readonly secrets: string[];
  close(): Promise<void>;
}

export const oidcClient = { id: 'berth', secret: 'client secret: %&' };

interface Grant {
  readonly nonce: string;
  readonly challenge: string;
  readonly redirectUri: string;
}

const keys = {
  RS256: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
};

export async function startOidcProvider(): Promise<OidcProvider> {
  const grants = new Map<string, Grant>();

  function authorize(query: URLSearchParams, response: ServerResponse): void {
    const field = (name: string) => query.get(name) ?? '';
    const isRight =
      field('response_type') === 'code' &&
      field('client_id') === oidcClient.id &&
      field('scope').split(' ').includes('openid') &&
      field('code_challenge_method') === 'S256';
    if (!isRight) {
      response.writeHead(400).end();
      return;
    }
    const code = randomBytes(16).toString('base64url');
    provider.secrets.push(code);
    grants.set(code, { nonce: field('nonce'), challenge: field('code_challenge'), redirectUri: field('redirect_uri') });
    const back = new URL(field('redirect_uri'));
    back.searchParams.set('code', code);
    back.searchParams.set('state', field('state'));
    response.writeHead(302, { Location: back.href }).end();
  }

  /** RFC 6749, section 4.1.3, and RFC 7636, section 4.6. Each code is good once. */
  function redeem(form: URLSearchParams, authorization: string): string | undefined {
    const grant = grants.get(form.get('code') ?? '');
    grants.delete(form.get('code') ?? '');
    const verifier = form.get('code_verifier') ?? '';
    provider.secrets.push(verifier);
    const [id, secret] = Buffer.from(authorization.replace('Basic ', ''), 'base64').toString().split(':').map(decodeURIComponent);
    if (!grant || id !== oidcClient.id || secret !== oidcClient.secret) return undefined;
    const challenge = createHash('sha256').update(verifier).digest('base64url');
    const isRight = grant.redirectUri === form.get('redirect_uri') && grant.challenge === challenge;
    return isRight ? idToken(grant) : undefined;
  }

  function idToken({ nonce }: Grant): string {
    const { algorithm, claims } = provider;
    const exp = Math.floor(Date.now() / 1000) + 300;
    const all = { iss: provider.url, aud: oidcClient.id, exp, nonce, ...claims };
    const token = jwt.sign(JSON.parse(JSON.stringify(all)) as object, keys[algorithm].privateKey, {
      algorithm,
      keyid: algorithm,
    });
    provider.secrets.push(token);
    return token;
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '', provider.url);
    if (pathname === '/authorize') authorize(searchParams, response);
    else if (pathname === '/token' && request.method === 'POST') {
      const token = redeem(new URLSearchParams(await text(request)), request.headers.authorization ?? '');
      response.statusCode = token === undefined ? 400 : 200;
      response.end(
        JSON.stringify(
          token === undefined ? { error: 'invalid_grant' } : { access_token: 'unused', token_type: 'Bearer', id_token: token },
        ),
      );
    } else if (pathname === '/keys') {
      const published = Object.entries(keys).map(([kid, { publicKey }]) => ({ ...publicKey.export({ format: 'jwk' }), kid }));
      response.end(JSON.stringify({ keys: published }));
    } else if (pathname === '/.well-known/openid-configuration') {
      const { url: issuer } = provider;
      const endpoints = { authorization_endpoint: `${issuer}/authorize`, token_endpoint: `${issuer}/token` };
      const algorithms = { id_token_signing_alg_values_supported: Object.keys(keys) };
      response.end(JSON.stringify({ issuer, jwks_uri: `${issuer}/keys`, ...endpoints, ...algorithms }));
    } else if (pathname === '/evil') {
      const action = searchParams.get('action') ?? '';
      response.setHeader('Content-Type', 'text/html');
      response.end(`<form method="post" action="${action}"><button>Win a prize</button></form>`);
    } else response.writeHead(404).end();
  }

  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const provider: OidcProvider = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    claims: {},
    algorithm: 'RS256',
    secrets: [],
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
  };
  return provider;
}

/** Returns the `BERTH_*` variables of a berth whose users log in there. */
export function oidcSettings({ url }: OidcProvider): Readonly<Record<string, string>> {
  return {
    BERTH_ACCESS_OIDC_ISSUER: url,
    BERTH_ACCESS_OIDC_CLIENT_ID: oidcClient.id,
    BERTH_ACCESS_OIDC_CLIENT_SECRET: oidcClient.secret,
    BERTH_ACCESS_OIDC_LABEL: 'Example <Corp>',
  };
}
