import type { Router } from 'express';
import { type MirrorPlace, clientConfig, clientNames, isClientName, obstacle } from '../../mirror/names/client-config.ts';
import type { PublicUrl } from '../server/public-url.ts';
import { problem } from '../errors/problem.ts';
import { createRouter } from '../server/router.ts';

/**
 * `GET /_mirror/config?client=…`: what to write into a client's configuration, with this server's own address. JSON for
 * `docker`, text for the others; 409 where the client could not use this mirror.
 */
export function createMirrorConfigRouter(place: Omit<MirrorPlace, 'base'>, publicUrl: PublicUrl): Router {
  const router = createRouter();
  router.get('/config', (request, response) => {
    const client = new URL(request.originalUrl, 'http://localhost').searchParams.get('client') ?? '';
    if (!isClientName(client)) {
      problem(response, 400, `client is one of ${clientNames.join(', ')}`);
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
