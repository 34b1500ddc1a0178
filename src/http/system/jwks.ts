import type { Router } from 'express';
import type { SigningKeys } from '../../access/tokens/signing-keys.ts';
import { createRouter } from '../server/router.ts';

/** Serves `/.well-known/jwks.json`: the public keys that verify berth's bearer tokens (RFC 7517). */
export function createJwksRouter(signingKeys: Pick<SigningKeys, 'publish'>): Router {
  const router = createRouter();
  router.get('/', async (_request, response) => {
    response.setHeader('Cache-Control', 'public, max-age=60');
    response.json({ keys: await signingKeys.publish() });
  });
  return router;
}
