import type { Router } from 'express';
import type { SigningKeys } from '../../access/tokens/signing-keys.ts';
import { errorBoundary } from '../errors/boundary.ts';
import { problemFormat } from '../errors/problem.ts';
import { addAccounts } from './accounts.ts';
import { addAudit } from './audit.ts';
import { type CallerOptions, administer, answer, handlerFactory } from './api-handler.ts';
import { fieldsOf } from './fields.ts';
import { addNamespaces } from './namespaces.ts';
import { addOwn } from './me.ts';
import { addRights } from './rights.ts';
import { addTeams } from './teams.ts';
import { createRouter } from '../server/router.ts';

export interface ApiRouterOptions extends CallerOptions {
  readonly signingKeys: Pick<SigningKeys, 'rotate'>;
}

/**
 * `/api/v1`: accounts, teams, grants, visibility, tokens, keys and the audit log, for those who log in with Basic.
 * What changes something takes JSON only, so that no page of another site can send it from a form.
 */
export function createApiRouter(options: ApiRouterOptions): Router {
  const { metadata, signingKeys } = options;
  const router = createRouter();
  const handle = handlerFactory(options);
  addOwn(router, handle, metadata);
  addAccounts(router, handle, metadata);
  addNamespaces(router, handle, metadata);
  addTeams(router, handle, metadata);
  addRights(router, handle, metadata);
  addAudit(router, handle, metadata);
  router.post(
    '/keys',
    handle(async (request, { require, principal }) => {
      require(administer);
      fieldsOf(request).only();
      await signingKeys.rotate({ name: principal.name, address: options.publicUrl.clientAddress(request) });
      return answer(204);
    }),
  );
  router.post(
    '/htpasswd',
    handle(async (request, { require, administration }) => {
      require(administer);
      const fields = fieldsOf(request);
      fields.only('file');
      return answer(201, await administration.importHtpasswd(fields.text('file')));
    }),
  );
  router.use(errorBoundary({ ...problemFormat, challenge: 'Basic realm="berth"' }));
  return router;
}
