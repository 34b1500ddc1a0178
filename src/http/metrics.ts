import express, { type Router } from 'express';
import type { Metrics } from '../observability/metrics.ts';

/** `GET /metrics`, in Prometheus's text format. */
export function createMetricsRouter(metrics: Pick<Metrics, 'contentType' | 'text'>): Router {
  const router = express.Router();
  router.get('/', async (_request, response) => {
    response.setHeader('Content-Type', metrics.contentType);
    response.setHeader('Cache-Control', 'no-store');
    response.end(await metrics.text());
  });
  return router;
}
