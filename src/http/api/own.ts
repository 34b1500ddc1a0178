import type { Router } from 'express';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { showToken } from '../../access/administration.ts';
import type { Principal } from '../../access/principal.ts';
import { OciError } from '../../oci/errors.ts';
import { newToken } from './accounts.ts';
import { type Handling, answer } from './caller.ts';
import { fieldsOf } from './fields.ts';

/** `/me`: what everybody with a login may see and change about itself. */
export function addOwn(router: Router, handle: Handling, metadata: MetadataStore): void {
  router.get(
    '/me',
    handle((_request, { principal }) => {
      requireAccount(principal);
      return Promise.resolve(answer(200, { name: principal.name, kind: principal.kind, admin: principal.admin }));
    }),
  );
  router.put(
    '/me/password',
    handle(async (request, { principal, administration }) => {
      requirePassword(principal);
      const fields = fieldsOf(request);
      fields.only('password');
      await administration.setPassword(principal.name, fields.text('password'));
      return answer(204);
    }),
  );
  router.get(
    '/me/tokens',
    handle(async (_request, { principal }) => {
      requireAccount(principal);
      const account = await metadata.findAccountByName(principal.name);
      const tokens = account ? await metadata.listAccessTokens(account.id) : [];
      return answer(200, { items: tokens.map(showToken) });
    }),
  );
  router.post(
    '/me/tokens',
    handle(async (request, { principal, administration }) => {
      requirePassword(principal);
      return answer(201, await administration.createToken({ account: principal.name, ...newToken(fieldsOf(request)) }));
    }),
  );
  router.delete(
    '/me/tokens/:id',
    handle(async (request, { principal, administration }) => {
      requireAccount(principal);
      await administration.revokeToken(principal.name, String(request.params['id']));
      return answer(204);
    }),
  );
}

function requireAccount({ kind, bearer }: Principal): void {
  if (kind === 'anonymous') throw new OciError('UNAUTHORIZED', { headers: { 'WWW-Authenticate': 'Basic realm="berth"' } });
  if ((kind !== 'user' && kind !== 'robot') || bearer) throw new OciError('DENIED');
}

/** A secret may not make another that outlives it. */
function requirePassword(principal: Principal): void {
  requireAccount(principal);
  if (principal.kind !== 'user' || principal.bySecret) {
    throw new OciError('DENIED', { message: 'this needs the password: an access token can not do it' });
  }
}
