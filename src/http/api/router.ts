import type { Router } from 'express';
import { errorBoundary } from '../errors/boundary.ts';
import { problemFormat } from '../errors/problem.ts';
import { createRouter } from '../server/router.ts';
import { type ApiHandlerOptions, createApiHandler } from './table/api-handler.ts';
import { routes } from './routes.ts';

/**
 * `/api/v1`: accounts, teams, grants, visibility, tokens, keys and the audit log, for clients that log in with Basic.
 * Bodies are JSON only, so that no page of another site can send one from a form.
 */
export function createApiRouter(options: ApiHandlerOptions): Router {
  const router = createRouter();
  const toHandler = createApiHandler(options);
  for (const route of routes) {
    const path = route.path.replace(/\{(\w+)\}/g, ':$1');
    router[methods[route.method]](path, toHandler(route));
  }
  // Bearer tokens are only good for the registry protocol.
  router.use(errorBoundary({ ...problemFormat, challenge: 'Basic realm="berth"' }));
  return router;
}

const methods = { GET: 'get', POST: 'post', PUT: 'put', PATCH: 'patch', DELETE: 'delete' } as const;
