import express, { type RequestHandler, type Router } from 'express';
import { createHash, randomUUID, timingSafeEqual } from 'node:crypto';
import type { Server } from 'node:http';
import type { Metrics } from '../../observability/metrics.ts';
import { createServer } from '../../platform/http.ts';
import { errorBoundary } from '../errors/boundary.ts';
import { problem, problemFormat } from '../errors/problem.ts';
import { type RequestRecord, recordRequest } from '../server/request-record.ts';
import { createRouter } from '../server/router.ts';

export interface MetricsRouterOptions {
  readonly metrics: Pick<Metrics, 'contentType' | 'text'>;
  /** Bearer token that a scrape must send; undefined: none. */
  readonly token: string | undefined;
}

/** Serves `GET /metrics` in Prometheus's text format. */
export function createMetricsRouter({ metrics, token }: MetricsRouterOptions): Router {
  const router = createRouter();
  if (token !== undefined) router.use(requireToken(token));
  router.get('/', async (_request, response) => {
    response.setHeader('Content-Type', metrics.contentType);
    response.setHeader('Cache-Control', 'no-store');
    response.end(await metrics.text());
  });
  return router;
}

/** Creates a server that serves only `/metrics`. Calls `log` for each request that fails. */
export function createMetricsServer(options: MetricsRouterOptions, log: (record: RequestRecord) => void): Server {
  const app = express();
  app.disable('x-powered-by');
  app.set('case sensitive routing', true);
  app.use(recordFailures(log));
  app.use('/metrics', createMetricsRouter(options));
  app.use((_request, response) => problem(response, 404, 'not found: the metrics are at /metrics'));
  app.use(errorBoundary(problemFormat));
  return createServer(app);
}

function recordFailures(log: (record: RequestRecord) => void): RequestHandler {
  return (request, response, next) => {
    const requestId = randomUUID();
    response.setHeader('X-Request-Id', requestId);
    const head = { common: [], contentLength: undefined, route: undefined };
    recordRequest(request, response, { requestId, client: request.socket.remoteAddress ?? '', head }, (record) => {
      if (record.error !== undefined) log(record);
    });
    next();
  };
}

function requireToken(token: string): RequestHandler {
  const expected = digestOf(`Bearer ${token}`);
  return (request, response, next) => {
    if (timingSafeEqual(digestOf(request.headers.authorization ?? ''), expected)) {
      next();
      return;
    }
    response.setHeader('WWW-Authenticate', 'Bearer realm="berth metrics"');
    problem(response, 401, 'the metrics need the bearer token of metrics.token');
  };
}

/** Digests have one length, so that the time of their comparison does not depend on what the client sent. */
function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
