import type { Router } from 'express';
import { type MirrorPlace, clientConfig, clientNames, isClientName, obstacle } from '../../mirror/names/client-config.ts';
import type { PublicUrl } from '../server/public-url.ts';
import { problem } from '../errors/problem.ts';
import { createRouter } from '../server/router.ts';

/**
 * Serves `GET /_mirror/config?client=…`: the configuration of a client that uses this server as its mirror. JSON for `docker`,
 * text for the others; 409 if the client could not use this mirror.
 */
export function createMirrorConfigRouter(place: Omit<MirrorPlace, 'base'>, publicUrl: PublicUrl): Router {
  const router = createRouter();
  router.get('/config', (request, response) => {
    const client = new URL(request.originalUrl, 'http://localhost').searchParams.get('client') ?? '';
    if (!isClientName(client)) {
      problem(response, 400, `client must be one of ${clientNames.join(', ')}`);
      return;
    }
    const reason = obstacle(client, place);
    if (reason !== undefined) {
      problem(response, 409, reason);
      return;
    }
    response
      .type(client === 'docker' ? 'json' : 'text/plain')
      .send(clientConfig(client, { ...place, base: new URL(publicUrl.base(request)) }));
  });
  return router;
}
