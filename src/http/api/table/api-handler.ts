import type { Request, RequestHandler, Response } from 'express';
import type { IncomingMessage } from 'node:http';
import type { Actor, Administration } from '../../../access/accounts/administration.ts';
import { AdministrationError } from '../../../access/accounts/administration-error.ts';
import type { Audit } from '../../../access/accounts/audit.ts';
import type { Authenticator } from '../../../access/authenticator.ts';
import type { Action } from '../../../access/permissions/action.ts';
import { type Principal, anonymousPrincipal } from '../../../access/permissions/principal.ts';
import { OciError } from '../../../oci/errors.ts';
import type { RepositoryName } from '../../../oci/reference.ts';
import type { PublicUrl } from '../../server/public-url.ts';
import { type RateLimits, noAccount } from '../../server/rate-limits.ts';
import { noteAccount } from '../../server/request-record.ts';
import { hasBody } from '../../transfer/body.ts';
import { smallBody } from '../../transfer/small-body.ts';
import { checked } from './invalid-request.ts';
import type { RowPermissions } from './permissions.ts';
import type { AccountContext, ApiServices, Context, Input, Route } from './route.ts';

export interface ApiHandlerOptions extends ApiServices, Pick<Context, 'catalog' | 'storage'> {
  /** True if the client may do this in the repository. */
  readonly allows: (client: Principal, action: Action, repository: RepositoryName) => Promise<boolean>;
  readonly permissions: RowPermissions;
  readonly publicUrl: PublicUrl;
  readonly limits: RateLimits;
  /** Undefined in mode open: every client is anonymous. */
  readonly accounts: ApiAccounts | undefined;
}

/** Logins, accounts and the audit log (mode token). */
export interface ApiAccounts extends Pick<AccountContext, 'directory' | 'explainer' | 'signingKeys'> {
  readonly authenticator: Authenticator;
  /** Returns the user of a request that a script of the page sends with its session; undefined for other requests. */
  readonly userOfScripts: (request: IncomingMessage) => Promise<Principal | undefined>;
  /** Returns the changes that `actor` can make, recorded in its name. */
  readonly administration: (actor: Actor) => Administration;
  readonly audit: Pick<Audit, 'record'>;
  /** Called after each request that may have changed permissions: this process applies the change at once. */
  readonly changed: () => void;
}

const largestBodyBytes = 1024 * 1024;

/** Makes Express handlers of the rows: authentication, permission, validation, handler, response. */
export function createApiHandler(options: ApiHandlerOptions): (route: Route) => RequestHandler {
  const { accounts, permissions, allows, publicUrl, limits, mode } = options;

  /** Returns the client and counts the request for its rate limits; one with a wrong login counts for its address. */
  async function principalOf(request: Request, response: Response, { needs }: Route, address: string): Promise<Principal> {
    const count = (account: Pick<Principal, 'id' | 'name'>) =>
      limits.count(request, { account, counted: ['requests'] }, (name, value) => void response.setHeader(name, value));
    let principal = anonymousPrincipal;
    try {
      if (accounts && needs !== 'nothing') principal = await loginOf(accounts, request, address);
    } catch (error) {
      await count(noAccount);
      throw error;
    }
    await count(principal);
    limits.pace(request, response, principal);
    return principal;
  }

  async function contextOf(request: Request, response: Response, route: Route): Promise<Context> {
    const address = publicUrl.clientAddress(request);
    const principal = await principalOf(request, response, route, address);
    noteAccount(request, principal.name);
    const requestId = String(response.getHeader('X-Request-Id'));
    return {
      ...options,
      ...(accounts && { ...accounts, administration: accounts.administration({ name: principal.name, address, requestId }) }),
      principal,
      address,
      author: { actor: principal.name, address, requestId },
      allows: (action, repository) => allows(principal, action, repository),
      exchange: { request, response },
    };
  }

  /** Records in the audit log what is refused to a client with a login. */
  function recordRefusal(error: unknown, request: Request, { principal: { name: actor }, address }: Context): void {
    if (!isRefusal(error)) return;
    const target = `${request.method} ${request.baseUrl}${request.path}`;
    accounts?.audit.record({ actor, address, action: 'api', target, result: 'refused', isClaimed: actor === '' });
  }

  return (route) => async (request, response) => {
    const context = await contextOf(request, response, route);
    try {
      permissions.beforeBody(context.principal, route);
      if (route.changesContent) await mode.assertWritable();
      const input = await checkedInput(route, request, response);
      await permissions.afterBody(context, route, input);
      const body = await route.handler(input, context);
      if (route.method !== 'GET') accounts?.changed();
      if (route.returns.file === undefined) send(response, route.returns.status, body);
    } catch (error) {
      recordRefusal(error, request, context);
      throw error;
    }
  };
}

/** Returns the client: by its `Authorization` header, or by the session of the page. Throws `AuthenticationError`. */
async function loginOf({ authenticator, userOfScripts }: ApiAccounts, request: Request, address: string): Promise<Principal> {
  const { authorization } = request.headers;
  const user = authorization === undefined ? await userOfScripts(request) : undefined;
  return user ?? authenticator.principal(authorization, address);
}

/** Returns the parts of the request that the row has schemas for. Throws 400. */
async function checkedInput({ params, query, body }: Route, request: Request, response: Response): Promise<Input> {
  return {
    params: params && checked(params, request.params, 'parameter'),
    query: query && checked(query, request.query, 'parameter'),
    body: body && checked(body, await jsonBody(request, response), 'body'),
  };
}

/** Reads the JSON document of a request; undefined where it has none. */
async function jsonBody(request: Request, response: Response): Promise<unknown> {
  if (!hasBody(request) || !request.is('application/json')) return undefined;
  const bytes = await smallBody(request, response, largestBodyBytes);
  try {
    return JSON.parse(bytes.toString()) as unknown;
  } catch {
    throw new AdministrationError('invalid', 'the body is not JSON');
  }
}

/** True for what the client is not allowed to do; false for what is wrong with the request, or needs a login. */
function isRefusal(error: unknown): boolean {
  return error instanceof AdministrationError ? error.code === 'refused' : error instanceof OciError && error.status === 403;
}

function send(response: Response, status: number, body: unknown): void {
  response.setHeader('Cache-Control', 'no-store');
  response.status(status);
  if (body === undefined) response.end();
  else response.json(body);
}
