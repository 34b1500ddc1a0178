import express, { type Express, type Router } from 'express';
import { errorBoundary } from './errors/boundary.ts';
import { problem, problemFormat } from './errors/problem.ts';

/** A router and its path. */
export interface Extension {
  readonly path: string;
  readonly router: Router;
}

/** Creates the application that serves every path outside of the registry protocol and the health probes. */
export function createWeb(extensions: readonly Extension[]): Express {
  const app = express();
  const hasPage = extensions.some(({ path }) => path === '/ui');
  app.disable('x-powered-by');
  app.set('etag', false);
  app.set('case sensitive routing', true);
  app.get('/', (request, response) => {
    if (hasPage && request.accepts(['json', 'html']) === 'html') response.redirect('/ui');
    else response.json({ name: 'berth', protocol: '/v2/', health: '/healthz' });
  });
  // The boundary of each path, not one for all: the route of a failed request is known only below the path.
  for (const { path, router } of extensions) app.use(path, router, errorBoundary(problemFormat));
  app.use((_request, response) => problem(response, 404, 'not found: the registry protocol begins at /v2/'));
  app.use(errorBoundary(problemFormat));
  return app;
}
