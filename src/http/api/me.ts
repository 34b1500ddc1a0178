import type { Router } from 'express';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { showToken } from '../../access/accounts/administration.ts';
import type { Principal } from '../../access/permissions/principal.ts';
import { OciError } from '../../oci/errors.ts';
import { newToken } from './accounts.ts';
import { type DefineHandler, answer, needsPassword } from './api-handler.ts';
import { fieldsOf } from './fields.ts';

/** `/me`: what each account may see and change about itself. */
export function addOwn(router: Router, handle: DefineHandler, metadata: MetadataStore): void {
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
      return answer(200, { items: tokens.filter(({ id }) => manages(principal, id)).map(showToken) });
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
      const id = String(request.params['id']);
      if (!manages(principal, id)) throw new OciError('DENIED', { message: needsPassword });
      await administration.revokeToken(principal.name, id);
      return answer(204);
    }),
  );
}

function requireAccount({ kind, bearer }: Principal): void {
  if (kind === 'anonymous') throw new OciError('UNAUTHORIZED');
  if ((kind !== 'user' && kind !== 'robot') || bearer) throw new OciError('DENIED');
}

/** A secret could outlive its revocation if it could make another one, or a password. */
function requirePassword(principal: Principal): void {
  requireAccount(principal);
  if (principal.kind !== 'user' || principal.secretId !== undefined) throw new OciError('DENIED', { message: needsPassword });
}

/** True if the caller may see and end the token: a user all of its own, a secret only itself. */
function manages({ secretId }: Principal, tokenId: string): boolean {
  return secretId === undefined || secretId === tokenId;
}
