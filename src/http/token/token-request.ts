import type { IncomingMessage } from 'node:http';
import type { Authenticator } from '../../access/authenticator.ts';
import type { Logins } from '../../access/login/logins.ts';
import type { Identity } from '../../access/permissions/identity.ts';
import type { TokenServer } from '../../access/tokens/token-server.ts';
import { OciError } from '../../oci/errors.ts';
import type { PublicUrl } from '../server/public-url.ts';
import type { RateLimits } from '../server/rate-limits.ts';

/** What `/token` works with. */
export interface TokenRouterOptions {
  readonly authenticator: Authenticator;
  readonly logins: Logins;
  readonly tokenServer: TokenServer;
  readonly publicUrl: PublicUrl;
  readonly limits: RateLimits;
}

/** What a client requests besides its login. */
export interface TokenParameters {
  readonly scopes: readonly string[];
  readonly client: string;
  /** True if the client requests a refresh token. */
  readonly offline: boolean;
}

interface TokenRequest {
  readonly identity: Identity;
  readonly parameters: TokenParameters;
}

/** Logs the client in with its `Authorization` header, and reads the query. Throws `AuthenticationError`. */
export async function readGet(
  { authenticator, publicUrl }: TokenRouterOptions,
  request: IncomingMessage,
  query: URLSearchParams,
): Promise<TokenRequest> {
  return {
    identity: await authenticator.identity(request.headers.authorization, publicUrl.clientAddress(request)),
    parameters: { scopes: query.getAll('scope'), client: clientOf(query), offline: query.get('offline_token') === 'true' },
  };
}

/** Logs the client in with the form (OAuth 2). Throws `AuthenticationError`, and `OciError` for another grant type. */
export async function readPost(
  { logins, publicUrl }: TokenRouterOptions,
  request: IncomingMessage,
  form: URLSearchParams,
): Promise<TokenRequest> {
  const parameters = { scopes: form.getAll('scope'), client: clientOf(form), offline: form.get('access_type') === 'offline' };
  const field = (name: string) => form.get(name) ?? '';
  const grant = field('grant_type');
  const address = publicUrl.clientAddress(request);
  if (grant === 'refresh_token') return { identity: await logins.refresh(field('refresh_token'), address), parameters };
  if (grant !== 'password') {
    throw new OciError('UNSUPPORTED', { status: 400, message: 'grant_type must be password or refresh_token' });
  }
  return { identity: await logins.login(field('username'), field('password'), address), parameters };
}

/** Returns the name of the client, by which users recognize its refresh token: printable ASCII, at most 100 characters. */
function clientOf(query: URLSearchParams): string {
  return (query.get('client_id') ?? '').replace(/[^\x20-\x7e]/g, '').slice(0, 100);
}
