import type { Request, RequestHandler, Response } from 'express';
import { authorize } from '../../../access/permissions/authorize.ts';
import { type Principal, anonymousPrincipal } from '../../../access/permissions/principal.ts';
import type { MaintenanceMode } from '../../../maintenance/mode/maintenance-mode.ts';
import { pathOf } from '../shell/local-path.ts';
import { redirect } from '../shell/redirect.ts';
import { noteVisitor } from '../shell/visitor.ts';
import type { Browsers } from './browsers.ts';

export type VisitorHandler = (visitor: Principal, request: Request, response: Response) => Promise<void>;

/**
 * Makes a handler of requests from a handler for visitors. A visitor that has to sign in first is led to `/ui/login`, and
 * back.
 */
export type AsVisitor = (handler: VisitorHandler) => RequestHandler;

/** True if a view of `/ui/admin` shows the visitor something: an admin, or in mode open every visitor. */
type ReadsOperation = (visitor: Principal) => boolean;

export interface VisitorOptions {
  /** Undefined in mode open, where every visitor is anonymous. */
  readonly browsers: Pick<Browsers, 'user'> | undefined;
  readonly administers: ReadsOperation;
  readonly mode: Pick<MaintenanceMode, 'find'>;
}

/** Notes what the frame of a view shows of its visitor and of the state of the registry. */
async function note(request: Request, visitor: Principal, { administers, mode }: VisitorOptions): Promise<void> {
  // Where the store cannot be read, the view itself says so, or needs nothing of it.
  const state = await mode.find().catch(() => undefined);
  const readOnlyReason = state?.reason;
  noteVisitor(request, { name: visitor.name, administers: administers(visitor), readOnlyReason });
}

export function createAsVisitor(options: VisitorOptions): AsVisitor {
  const { browsers } = options;
  return (handler) => async (request, response) => {
    const visitor = browsers ? await browsers.user(request) : anonymousPrincipal;
    if (!visitor) {
      redirect(response, `/ui/login?${new URLSearchParams({ next: pathOf(request) }).toString()}`);
      return;
    }
    await note(request, visitor, options);
    await handler(visitor, request, response);
  };
}

/** Makes a handler of requests for views that need no login: a visitor without one is anonymous. */
export function createAsAnybody(options: VisitorOptions): AsVisitor {
  return (handler) => async (request, response) => {
    const visitor = (await options.browsers?.user(request)) ?? anonymousPrincipal;
    await note(request, visitor, options);
    await handler(visitor, request, response);
  };
}

/** True if the visitor may manage accounts and the installation. */
export function mayAdminister(visitor: Principal): boolean {
  return authorize(visitor, { action: 'administer' }) === 'allow';
}

/** Returns the query of a request. */
export function queryOf(request: Request): URLSearchParams {
  return new URL(request.originalUrl, 'http://localhost').searchParams;
}
