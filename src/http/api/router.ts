import type { ErrorRequestHandler, Router } from 'express';
import { STATUS_CODES } from 'node:http';
import { AdministrationError, type AdministrationErrorCode } from '../../access/accounts/administration-error.ts';
import type { SigningKeys } from '../../access/tokens/signing-keys.ts';
import { OciError } from '../../oci/errors.ts';
import { toClientError } from '../../registry/failures.ts';
import { problem } from '../errors/problem.ts';
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
  router.use(failed);
  return router;
}

const statuses: Readonly<Record<AdministrationErrorCode, number>> = { invalid: 400, unknown: 404, taken: 409, refused: 409 };

const failed: ErrorRequestHandler = (error: unknown, _request, response, next) => {
  const readable = toClientError(error);
  if (response.headersSent) next(error);
  else if (readable instanceof AdministrationError) {
    const status = statuses[readable.code];
    problem(response, status, STATUS_CODES[status] ?? '', readable.message);
  } else if (readable instanceof OciError) {
    for (const [name, value] of Object.entries(readable.headers)) response.setHeader(name, value);
    problem(response, readable.status, STATUS_CODES[readable.status] ?? '', readable.message);
  } else next(error);
};
