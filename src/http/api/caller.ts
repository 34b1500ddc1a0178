import type { Request, RequestHandler } from 'express';
import type { Administration } from '../../access/administration.ts';
import { AdministrationError } from '../../access/administration-error.ts';
import { createAdministration } from '../../access/create-administration.ts';
import { type Wish, authorize } from '../../access/authorize.ts';
import type { Authenticator } from '../../access/authenticator.ts';
import type { Principal } from '../../access/principal.ts';
import { OciError } from '../../oci/errors.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import type { Origin } from '../origin.ts';
import { refusal } from '../refusal.ts';

/** Who calls the API, and what it works with. */
export interface Caller {
  readonly principal: Principal;
  readonly administration: Administration;
  /** Throws where the caller may not. */
  require(wish: Wish): void;
}

export interface CallerOptions {
  readonly authenticator: Authenticator;
  readonly metadata: MetadataStore;
  /** First path components of repositories that no user owns. */
  readonly reserved: ReadonlySet<string>;
  readonly origin: Origin;
  readonly now: () => number;
  /** Told after each request that may have changed rights: this process sees the change at once. */
  readonly changed: () => void;
}

export type ApiHandler = (request: Request, caller: Caller) => Promise<ApiAnswer>;

/** Makes a handler of a router out of one of the API. */
export type Handling = (handler: ApiHandler) => RequestHandler;

export interface ApiAnswer {
  readonly status: 200 | 201 | 204;
  readonly body?: unknown;
}

/** Makes handlers of a router out of those of the API. */
export function answering({ authenticator, metadata, reserved, origin, now, changed }: CallerOptions): Handling {
  async function callerOf(request: Request): Promise<Caller> {
    const address = origin.clientAddress(request);
    const principal = await authenticated(authenticator, request, address);
    const administration = createAdministration(metadata, { name: principal.name, address }, now, reserved);
    return { principal, administration, require: (wish) => requireAllowed(principal, wish) };
  }

  return (handler) => async (request, response) => {
    const { status, body } = await handler(request, await callerOf(request));
    if (request.method !== 'GET') changed();
    response.setHeader('Cache-Control', 'no-store');
    response.status(status);
    if (body === undefined) response.end();
    else response.json(body);
  };
}

const challenge = { 'WWW-Authenticate': 'Basic realm="berth"' };

async function authenticated(authenticator: Authenticator, request: Request, address: string): Promise<Principal> {
  try {
    return await authenticator.principal(request.headers.authorization, address);
  } catch (error) {
    throw refusal(error, challenge);
  }
}

function requireAllowed(principal: Principal, wish: Wish): void {
  const decision = authorize(principal, wish);
  if (decision === 'challenge') throw new OciError('UNAUTHORIZED', { headers: challenge });
  if (decision === 'hide') throw new AdministrationError('unknown', 'nothing of that name exists');
  if (decision !== 'deny') return;
  throw new OciError('DENIED', principal.secretId === undefined ? {} : { message: needsPassword });
}

/** Access tokens and robots' secrets manage nothing but themselves. */
export const needsPassword = 'this needs the password: an access token cannot do it';

export const administer: Wish = { to: 'administer' };

export function answer(status: ApiAnswer['status'], body?: unknown): ApiAnswer {
  return { status, body };
}
