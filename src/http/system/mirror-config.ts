import type { Router } from 'express';
import {
  type MirrorPlace,
  type Obstacle,
  clientConfig,
  clientNames,
  isClientName,
  obstacle,
} from '../../mirror/names/client-config.ts';
import type { PublicUrl } from '../server/public-url.ts';
import { problem } from '../errors/problem.ts';
import { createRouter } from '../server/router.ts';
import type { FindAuthority } from './authority.ts';

const messages: Readonly<Record<Obstacle, string>> = {
  no_default:
    'this mirror has no mirror.default of docker.io, and dockerd asks mirrors for Docker Hub only: set mirror.default to docker.io',
  only_docker_hub: 'dockerd asks mirrors for Docker Hub only: put the address of this server before the names of its images',
};

/** What this mirror is to all of its clients. `upstreams` changes when the configuration is reloaded. */
export type MirrorServices = Pick<MirrorPlace, 'upstreams' | 'fallback'> & { readonly findAuthority: FindAuthority };

/**
 * Serves `GET /_mirror/config?client=…&upstream=…`: the configuration of a client that uses this server as its mirror, for one
 * upstream or for all. JSON for `docker`, text for the others; 409 if the client could not use this mirror. `/_mirror/ca.crt` is
 * the certificate of a private authority that clients have to trust.
 */
export function createMirrorConfigRouter(services: MirrorServices, publicUrl: PublicUrl): Router {
  const { findAuthority } = services;
  const router = createRouter();
  router.get('/config', async (request, response) => {
    const { upstreams, fallback } = services;
    const mirror = { upstreams, fallback };
    const query = new URL(request.originalUrl, 'http://localhost').searchParams;
    const client = query.get('client') ?? '';
    const only = query.get('upstream') ?? undefined;
    if (!isClientName(client)) {
      problem(response, 400, `client must be one of ${clientNames.join(', ')}`);
      return;
    }
    if (only !== undefined && !mirror.upstreams.includes(only)) {
      problem(response, 400, `upstream must be one of ${mirror.upstreams.join(', ')}`);
      return;
    }
    const reason = obstacle(client, { ...mirror, only });
    if (reason !== undefined) {
      problem(response, 409, messages[reason]);
      return;
    }
    const place = { base: new URL(publicUrl.base(request)), hasAuthority: (await findAuthority()) !== undefined, only };
    response.type(client === 'docker' ? 'json' : 'text/plain').send(clientConfig(client, { ...mirror, ...place }));
  });
  router.get('/ca.crt', async (_request, response) => {
    const authority = await findAuthority();
    if (authority) response.type('application/x-pem-file').attachment('ca.crt').send(authority.pem);
    else problem(response, 404, 'clients need no certificate of an authority to trust this server');
  });
  return router;
}
