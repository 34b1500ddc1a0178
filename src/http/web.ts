import express, { type ErrorRequestHandler, type Express, type Router } from 'express';
import { ClientGone } from './errors/client-gone.ts';
import { problem } from './errors/problem.ts';

/** The state of the parts that a probe asks about. */
export interface Health {
  /** What an operator wants to see of a running process. */
  readonly facts: Readonly<Record<string, string>>;
  /** Rejects when a store does not answer. */
  ready(): Promise<void>;
}

/** A part that lies at a path of its own. */
export interface Extension {
  readonly path: string;
  readonly router: Router;
}

/** Everything that is not the registry protocol. */
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
      problem(response, 503, 'Service Unavailable', error instanceof Error ? error.message : String(error));
    }
  });
  app.get('/', (request, response) => {
    if (hasPage && request.accepts(['json', 'html']) === 'html') response.redirect('/ui');
    else response.json({ name: 'berth', protocol: '/v2/', health: '/healthz' });
  });
  for (const { path, router } of extensions) app.use(path, router);
  app.use((_request, response) => problem(response, 404, 'Not Found', 'nothing lies here: the registry protocol begins at /v2/'));
  app.use(failed);
  return app;
}

const failed: ErrorRequestHandler = (error: unknown, _request, response, next) => {
  const refused = statusOf(error);
  if (error instanceof ClientGone) response.destroy();
  else if (response.headersSent) next(error);
  else if (refused !== undefined) problem(response, refused, 'Bad Request', (error as Error).message);
  else problem(response, 500, 'Internal Server Error', 'see the log for the request id in X-Request-Id');
};

/** Express marks what is wrong with a request by a 4xx status. */
function statusOf(error: unknown): number | undefined {
  const status = error instanceof Error && 'status' in error ? error.status : undefined;
  return typeof status === 'number' && status >= 400 && status < 500 ? status : undefined;
}
