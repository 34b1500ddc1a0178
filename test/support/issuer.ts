import { type KeyObject, generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import jwt from 'jsonwebtoken';

/** An issuer that signs tokens and publishes its keys, as OpenID Connect providers do. */
export interface Issuer {
  readonly url: string;
  readonly jwksUrl: string;
  /** How often its keys were asked for. */
  asked(): number;
  /** A token with these claims, good for five minutes unless they say otherwise. */
  sign(claims: object, options?: jwt.SignOptions): string;
  /** Signs with a new key from now on, and publishes only that. */
  rotate(): void;
  /** Answers nothing but 503 from now on. */
  fail(): void;
  close(): Promise<void>;
}

export async function startIssuer(): Promise<Issuer> {
  let generation = 0;
  let asked = 0;
  let isFailing = false;
  let key = newKey();
  function newKey(): { readonly kid: string; readonly privateKey: KeyObject; readonly publicKey: KeyObject } {
    return { kid: `key-${++generation}`, ...generateKeyPairSync('rsa', { modulusLength: 2048 }) };
  }

  const server = createServer((request, response) => {
    const documents: Readonly<Record<string, () => unknown>> = {
      '/.well-known/openid-configuration': () => ({ issuer: url, jwks_uri: `${url}/keys` }),
      '/keys': () => {
        asked++;
        return { keys: [{ ...key.publicKey.export({ format: 'jwk' }), kid: key.kid, use: 'sig', alg: 'RS256' }] };
      },
    };
    const document = isFailing ? undefined : documents[request.url ?? ''];
    response.statusCode = document ? 200 : 503;
    response.setHeader('Content-Type', 'application/json');
    response.end(JSON.stringify(document?.() ?? {}));
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    jwksUrl: `${url}/keys`,
    asked: () => asked,
    sign: (claims, options) =>
      jwt.sign({ iss: url, exp: Math.floor(Date.now() / 1000) + 300, ...claims }, key.privateKey, {
        algorithm: 'RS256',
        keyid: key.kid,
        ...options,
      }),
    rotate: () => (key = newKey()),
    fail: () => (isFailing = true),
    close: () => new Promise((closed) => server.close(() => closed())),
  };
}
