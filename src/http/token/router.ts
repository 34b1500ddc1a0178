import type { Router } from 'express';
import { errorBoundary } from '../errors/boundary.ts';
import { countLogin } from '../server/rate-limits.ts';
import { createRouter, methodNotAllowed } from '../server/router.ts';
import { smallBody } from '../transfer/small-body.ts';
import { reply, tokenFormat } from './token-answer.ts';
import { type TokenRouterOptions, readGet, readPost } from './token-request.ts';

const largestFormBytes = 64 * 1024;

/**
 * Makes the router of `/token`: issues bearer tokens to GET (Basic) and POST (OAuth2), as the Distribution project
 * documents both.
 */
export function createTokenRouter(options: TokenRouterOptions): Router {
  const router = createRouter();
  router.use(async (request, response, next) => {
    await countLogin(options.limits, request, response);
    next();
  });
  router.get('/', async (request, response) => {
    const query = new URL(request.originalUrl, 'http://localhost').searchParams;
    const { identity, parameters } = await readGet(options, request, query);
    await reply(options, request, response, identity, parameters);
  });
  router.post('/', async (request, response) => {
    const form = new URLSearchParams((await smallBody(request, response, largestFormBytes)).toString());
    const { identity, parameters } = await readPost(options, request, form);
    await reply(options, request, response, identity, parameters);
  });
  router.all('/', methodNotAllowed(['GET', 'POST']));
  router.use(errorBoundary(tokenFormat));
  return router;
}
