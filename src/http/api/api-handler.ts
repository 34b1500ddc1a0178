import type { Request, RequestHandler, Response } from 'express';
import type { Administration } from '../../access/accounts/administration.ts';
import { AdministrationError } from '../../access/accounts/administration-error.ts';
import { createAdministration } from '../../access/accounts/create-administration.ts';
import { type PermissionRequest, authorize } from '../../access/permissions/authorize.ts';
import type { Audit } from '../../access/accounts/audit.ts';
import type { Authenticator } from '../../access/authenticator.ts';
import type { Principal } from '../../access/permissions/principal.ts';
import { OciError } from '../../oci/errors.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { hasBody, smallBody } from '../transfer/body.ts';
import type { PublicUrl } from '../server/public-url.ts';
import { noteAccount } from '../server/request-record.ts';

/** Who calls the API, and what it works with. */
export interface Caller {
  readonly principal: Principal;
  readonly administration: Administration;
  /** Throws where the caller may not. */
  require(permission: PermissionRequest): void;
}

export interface CallerOptions {
  readonly authenticator: Authenticator;
  readonly metadata: MetadataStore;
  /** First path components of repositories that no user owns. */
  readonly reserved: ReadonlySet<string>;
  readonly publicUrl: PublicUrl;
  readonly now: () => number;
  readonly audit: Pick<Audit, 'record'>;
  /** Told after each request that may have changed rights: this process sees the change at once. */
  readonly changed: () => void;
}

export type ApiHandler = (request: Request, caller: Caller) => Promise<ApiAnswer>;

/** Makes a handler of a router out of one of the API. */
export type DefineHandler = (handler: ApiHandler) => RequestHandler;

export interface ApiAnswer {
  readonly status: 200 | 201 | 204;
  readonly body?: unknown;
}

/** Makes handlers of a router out of those of the API. */
export function handlerFactory(options: CallerOptions): DefineHandler {
  const { authenticator, metadata, reserved, publicUrl, now, audit, changed } = options;

  async function callerOf(request: Request): Promise<Caller> {
    const address = publicUrl.clientAddress(request);
    const principal = await authenticator.principal(request.headers.authorization, address);
    noteAccount(request, principal.name);
    const administration = createAdministration(metadata, { name: principal.name, address }, now, reserved);
    return { principal, administration, require: (permission) => requireAllowed(principal, permission) };
  }

  /** Runs the handler; what it refuses to a caller with a login is recorded. */
  async function answerOf(handler: ApiHandler, request: Request, response: Response): Promise<ApiAnswer> {
    const caller = await callerOf(request);
    // Documents are read for logins only: they take memory and time.
    if (hasBody(request) && caller.principal.kind === 'anonymous') throw new OciError('UNAUTHORIZED');
    request.body = await jsonBody(request, response);
    try {
      return await handler(request, caller);
    } catch (error) {
      if (isRefusal(error)) {
        const [actor, address] = [caller.principal.name, publicUrl.clientAddress(request)];
        const target = `${request.method} ${request.baseUrl}${request.path}`;
        audit.record({ actor, address, action: 'api', target, result: 'refused', isClaimed: actor === '' });
      }
      throw error;
    }
  }

  return (handler) => async (request, response) => {
    const { status, body } = await answerOf(handler, request, response);
    if (request.method !== 'GET') changed();
    response.setHeader('Cache-Control', 'no-store');
    response.status(status);
    if (body === undefined) response.end();
    else response.json(body);
  };
}

/** True for what the caller may not do; false for what is wrong with the request, or needs a login. */
function isRefusal(error: unknown): boolean {
  return error instanceof AdministrationError ? error.code === 'refused' : error instanceof OciError && error.status === 403;
}

const largestBodyBytes = 1024 * 1024;

/** The JSON document of a request; undefined where it has none. */
async function jsonBody(request: Request, response: Response): Promise<unknown> {
  if (!hasBody(request) || !request.is('application/json')) return undefined;
  const bytes = await smallBody(request, response, largestBodyBytes);
  try {
    return JSON.parse(bytes.toString()) as unknown;
  } catch {
    throw new AdministrationError('invalid', 'the body is not JSON');
  }
}

function requireAllowed(principal: Principal, permission: PermissionRequest): void {
  const decision = authorize(principal, permission);
  if (decision === 'challenge') throw new OciError('UNAUTHORIZED');
  if (decision === 'hide') throw new AdministrationError('unknown', 'nothing of that name exists');
  if (decision !== 'deny') return;
  throw new OciError('DENIED', principal.secretId === undefined ? {} : { message: needsPassword });
}

/** Access tokens and robots' secrets manage nothing but themselves. */
export const needsPassword = 'this needs the password: an access token cannot do it';

export const administer: PermissionRequest = { action: 'administer' };

export function answer(status: ApiAnswer['status'], body?: unknown): ApiAnswer {
  return { status, body };
}
