import express, { type Express, type Router } from 'express';
import { errorBoundary } from './errors/boundary.ts';
import { problem, problemFormat } from './errors/problem.ts';

/** The state of the server for health probes. */
export interface Health {
  /** Properties of the running process for operators. */
  readonly facts: Readonly<Record<string, string>>;
  /** Rejects if a store does not answer. */
  ready(): Promise<void>;
}

/** A router and its path. */
export interface Extension {
  readonly path: string;
  readonly router: Router;
}

/** Creates the application that serves every path outside of the registry protocol. */
export function createWeb(health: Health, extensions: readonly Extension[]): Express {
  const app = express();
  const hasPage = extensions.some(({ path }) => path === '/ui');
  app.disable('x-powered-by');
  app.set('etag', false);
  app.set('case sensitive routing', true);
  app.get('/healthz', (_request, response) => void response.json({ status: 'ok', ...health.facts }));
  app.get('/readyz', async (_request, response) => {
    try {
      await health.ready();
      response.json({ status: 'ready' });
    } catch (error) {
      response.setHeader('Retry-After', '5');
      problem(response, 503, error instanceof Error ? error.message : String(error));
    }
  });
  app.get('/', (request, response) => {
    if (hasPage && request.accepts(['json', 'html']) === 'html') response.redirect('/ui');
    else response.json({ name: 'berth', protocol: '/v2/', health: '/healthz' });
  });
  for (const { path, router } of extensions) app.use(path, router);
  app.use((_request, response) => problem(response, 404, 'not found: the registry protocol begins at /v2/'));
  app.use(errorBoundary(problemFormat));
  return app;
}
