import type { Router } from 'express';
import type { IncomingMessage } from 'node:http';
import { errorBoundary } from '../errors/boundary.ts';
import { problemFormat } from '../errors/problem.ts';
import { createRouter, methodNotAllowed } from '../server/router.ts';
import { type ApiHandlerOptions, createApiHandler } from './table/api-handler.ts';
import { routesOf } from './routes.ts';
import type { Route } from './table/route.ts';

/**
 * `/api/v1`, for clients that log in with Basic, and for scripts of the page with its session; in mode open for every client,
 * without the rows of accounts. `http/server.ts` refuses changes that a browser sends from a page of another site.
 */
export function createApiRouter(options: ApiHandlerOptions): Router {
  const router = createRouter();
  const toHandler = createApiHandler(options);
  const allowed = new Map<string, Route['method'][]>();
  for (const route of routesOf({ hasAccounts: options.accounts !== undefined })) {
    const path = route.path.replace(/\{(\w+)\}/g, ':$1');
    router[methods[route.method]](path, toHandler(route));
    allowed.set(path, [...(allowed.get(path) ?? []), route.method]);
  }
  for (const [path, methodsOfPath] of allowed) router.all(path, methodNotAllowed(methodsOfPath));
  router.use(errorBoundary({ ...problemFormat, challenge }));
  return router;
}

/**
 * Bearer tokens are only good for the registry protocol. A script whose session has ended gets a scheme that browsers do not
 * know: they would open a dialogue for Basic.
 */
function challenge({ headers }: IncomingMessage): string {
  const isScript = headers['sec-fetch-site'] === 'same-origin' && headers['sec-fetch-mode'] !== 'navigate';
  return `${isScript ? 'Session' : 'Basic'} realm="berth"`;
}

const methods = { GET: 'get', POST: 'post', PUT: 'put', PATCH: 'patch', DELETE: 'delete' } as const;
