import type { ClientAuth, Configuration } from 'openid-client';
import { fetchDocument, fetchJson } from './issuer-documents.ts';
import { type Jwks, createJwks, readJwks } from './jwks.ts';

/** berth's registration at an OpenID Connect provider. */
export interface OidcRegistration {
  readonly clientId: string;
  /** Undefined for a public client: PKCE alone. */
  readonly clientSecret: string | undefined;
}

/** Tokens may be used this long after they expire and before they begin: clocks differ. */
export const clockSkewSeconds = 60;

/**
 * Fetches the issuer's discovery document (OpenID Connect Discovery 1.0, section 4). Rejects where it cannot be fetched, or
 * describes another issuer. An issuer configured by `https` cannot name endpoints without TLS.
 */
export async function discover(issuer: string, { clientId, clientSecret }: OidcRegistration): Promise<Configuration> {
  const client = await import('openid-client');
  const authentication = clientSecret === undefined ? client.None() : basicAuthentication(clientId, clientSecret);
  const configuration = await client.discovery(
    new URL(issuer),
    clientId,
    { [client.clockTolerance]: clockSkewSeconds },
    authentication,
    {
      [client.customFetch]: (url, init) => fetchDocument(url, init as RequestInit),
      // eslint-disable-next-line @typescript-eslint/no-deprecated -- marked so as a warning: operators may trust their network
      execute: issuer.startsWith('http:') ? [client.allowInsecureRequests] : [],
    },
  );
  const found = configuration.serverMetadata().issuer;
  if (found !== issuer) throw new Error(`the discovery document of ${issuer} describes ${found}`);
  return configuration;
}

/** RFC 6749, section 2.3.1. openid-client's own also escapes `-`, `.` and `_`, which some providers do not undo. */
function basicAuthentication(clientId: string, clientSecret: string): ClientAuth {
  const credentials = `${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret)}`;
  return (_server, _client, _body, headers) => {
    headers.set('Authorization', `Basic ${Buffer.from(credentials).toString('base64')}`);
  };
}

/** Keys by a configured address. `now` in milliseconds. */
export function jwksAt(jwksUrl: string, now: () => number): Jwks {
  return createJwks(async () => readJwks(await fetchJson(jwksUrl)), now);
}

/** Keys by the issuer's discovery document. `now` in milliseconds. */
export function jwksOf(configuration: () => Promise<Configuration>, now: () => number): Jwks {
  return createJwks(async () => {
    const { issuer, jwks_uri: jwksUrl } = (await configuration()).serverMetadata();
    if (jwksUrl === undefined) throw new Error(`the discovery document of ${issuer} has no jwks_uri`);
    return readJwks(await fetchJson(jwksUrl));
  }, now);
}
