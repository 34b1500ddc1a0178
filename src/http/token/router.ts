import type { Request, Response, Router } from 'express';
import type { IncomingMessage } from 'node:http';
import type { Authenticator } from '../../access/authenticator.ts';
import type { IssuedBearer } from '../../access/tokens/bearer.ts';
import type { Identity } from '../../access/permissions/identity.ts';
import type { Logins } from '../../access/login/logins.ts';
import { parseScopes } from '../../access/permissions/scope.ts';
import type { TokenServer } from '../../access/tokens/token-server.ts';
import { OciError } from '../../oci/errors.ts';
import { smallBody } from '../transfer/body.ts';
import { type ErrorFormat, errorBoundary } from '../errors/boundary.ts';
import { sendJson } from '../errors/json.ts';
import { ociErrorBody, sendOciError } from '../errors/oci-errors.ts';
import type { PublicUrl } from '../server/public-url.ts';
import { type RateLimits, countLogin } from '../server/rate-limits.ts';
import { noteAccount } from '../server/request-record.ts';
import { createRouter } from '../server/router.ts';

export interface TokenRouterOptions {
  readonly authenticator: Authenticator;
  readonly logins: Logins;
  readonly tokenServer: TokenServer;
  readonly publicUrl: PublicUrl;
  readonly limits: RateLimits;
}

const largestFormBytes = 64 * 1024;

/**
 * Makes the router of `/token`: issues bearer tokens to GET (Basic) and POST (OAuth2), as the Distribution project
 * documents both.
 */
export function createTokenRouter(options: TokenRouterOptions): Router {
  const router = createRouter();
  router.use(async (request, response, next) => {
    await countLogin(options.limits, request, response);
    next();
  });
  router.get('/', async (request, response) => {
    const query = new URL(request.originalUrl, 'http://localhost').searchParams;
    const { identity, parameters } = await readGet(options, request, query);
    await reply(options, request, response, identity, parameters);
  });
  router.post('/', async (request, response) => {
    const form = new URLSearchParams((await smallBody(request, response, largestFormBytes)).toString());
    const { identity, parameters } = await readPost(options, request, form);
    await reply(options, request, response, identity, parameters);
  });
  router.use(errorBoundary(tokenFormat));
  return router;
}

interface TokenParameters {
  readonly scopes: readonly string[];
  readonly client: string;
  /** True if the client requests a refresh token. */
  readonly offline: boolean;
}

interface TokenRequest {
  readonly identity: Identity;
  readonly parameters: TokenParameters;
}

async function readGet(
  { authenticator, publicUrl }: TokenRouterOptions,
  request: IncomingMessage,
  query: URLSearchParams,
): Promise<TokenRequest> {
  return {
    identity: await authenticator.identity(request.headers.authorization, publicUrl.clientAddress(request)),
    parameters: { scopes: query.getAll('scope'), client: clientOf(query), offline: query.get('offline_token') === 'true' },
  };
}

async function readPost(
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

async function reply(
  { tokenServer, publicUrl }: TokenRouterOptions,
  request: Request,
  response: Response,
  identity: Identity,
  { scopes, client, offline }: TokenParameters,
): Promise<void> {
  const issued = await tokenServer.issue(identity, parseScopes(scopes));
  noteAccount(request, issued.account);
  const refresh = offline ? await tokenServer.refreshToken(identity, client, publicUrl.clientAddress(request)) : undefined;
  response.setHeader('Cache-Control', 'no-store');
  sendJson(response, 200, tokenBody(issued, refresh));
}

function tokenBody({ token, expiresInSeconds, issuedAt }: IssuedBearer, refresh: string | undefined): object {
  return {
    token,
    access_token: token,
    token_type: 'Bearer',
    expires_in: expiresInSeconds,
    issued_at: issuedAt.toISOString(),
    ...(refresh === undefined ? {} : { refresh_token: refresh }),
  };
}

/** OCI error bodies: clients show the message of the first error. */
const tokenFormat: ErrorFormat = {
  challenge: () => 'Basic realm="berth"',
  render(response, error, requestId) {
    // docker takes `details` for a refused login; without it, docker tries an insecure registry again by plain HTTP.
    const details = error.status === 401 ? { details: error.message } : {};
    sendOciError(response, error, { ...ociErrorBody(error, requestId), ...details });
  },
};
