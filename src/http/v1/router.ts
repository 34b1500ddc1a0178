import express, { type Router } from 'express';
import type { FoundRepository, Search } from '../../search/search.ts';
import type { AccessControl } from '../access.ts';

const usualResults = 25;
const mostResults = 100;

/**
 * `docker search`: what is left of Docker's first protocol. A login that is not good is nobody's here: Docker takes any
 * answer but 200 for the end of the search, and sends no good one after it has been given a refresh token.
 */
export function createSearchRouter(search: Search, access: AccessControl): Router {
  const router = express.Router();
  router.get('/_ping', (_request, response) => {
    response.setHeader('X-Docker-Registry-Standalone', 'true');
    response.json(true);
  });
  router.get('/search', async (request, response) => {
    const query = new URL(request.originalUrl, 'http://localhost').searchParams;
    const subject = await access.recognise(request);
    const found = await search.find(query.get('q') ?? '', resultsOf(query.get('n')), access.visible(subject, ''));
    response.json({ query: query.get('q') ?? '', num_results: found.length, results: found.map(toResult) });
  });
  return router;
}

function resultsOf(text: string | null): number {
  const number = /^\d{1,9}$/.test(text ?? '') ? Number(text) : usualResults;
  return Math.min(Math.max(number, 1), mostResults);
}

function toResult({ name, description, isOfficial }: FoundRepository): object {
  return { name, description, star_count: 0, is_official: isOfficial, is_automated: false };
}
