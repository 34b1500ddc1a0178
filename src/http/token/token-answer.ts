import type { Request, Response } from 'express';
import type { Identity } from '../../access/permissions/identity.ts';
import { parseScopes } from '../../access/permissions/scope.ts';
import type { IssuedBearer } from '../../access/tokens/bearer.ts';
import type { ErrorFormat } from '../errors/boundary.ts';
import { sendJson } from '../errors/json.ts';
import { ociErrorBody, sendOciError } from '../errors/oci-errors.ts';
import { noteAccount } from '../server/request-record.ts';
import type { TokenParameters, TokenRouterOptions } from './token-request.ts';

/** Sends a token for the identity, and a refresh token if the client requests one. Throws `AuthenticationError`. */
export async function reply(
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
export const tokenFormat: ErrorFormat = {
  challenge: () => 'Basic realm="berth"',
  render(response, error, requestId) {
    // docker takes `details` for a refused login; without it, docker tries an insecure registry again by plain HTTP.
    const details = error.status === 401 ? { details: error.message } : {};
    sendOciError(response, error, { ...ociErrorBody(error, requestId), ...details });
  },
};
