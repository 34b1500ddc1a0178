import type { AccountKind } from '../../../access/accounts/directory.ts';
import { accountHandlers } from './accounts.ts';
import { type Route, created, noContent, ok, route } from '../table/route.ts';
import * as s from '../table/schemas.ts';

/** Returns the rows that users and robots have in common. */
export function accountRoutes(kind: AccountKind, path: string): readonly Route[] {
  const handlers = accountHandlers(kind);
  return [
    route({
      method: 'GET',
      path: path,
      summary: `List ${kind}s`,
      needs: 'admin',
      query: s.pageByName,
      returns: ok(s.pageOf(s.account)),
      handler: handlers.list,
    }),
    route({
      method: 'GET',
      path: `${path}/{name}`,
      summary: `Show a ${kind}`,
      needs: 'admin',
      params: s.byName,
      returns: ok(s.account),
      handler: handlers.show,
    }),
    route({
      method: 'PATCH',
      path: `${path}/{name}`,
      summary: `Change a ${kind}`,
      needs: 'admin',
      params: s.byName,
      body: kind === 'robot' ? s.robotChanges : s.accountChanges,
      returns: ok(s.account),
      handler: handlers.change,
    }),
    route({
      method: 'DELETE',
      path: `${path}/{name}`,
      summary: `Delete a ${kind}`,
      needs: 'admin',
      params: s.byName,
      returns: noContent,
      handler: handlers.remove,
    }),
    ...secretRoutes(kind, path, handlers),
  ];
}

function secretRoutes(kind: AccountKind, path: string, handlers: ReturnType<typeof accountHandlers>): readonly Route[] {
  return [
    route({
      method: 'GET',
      path: `${path}/{name}/tokens`,
      summary: `List the secrets of a ${kind}`,
      needs: 'admin',
      params: s.byName,
      returns: ok(s.tokens),
      handler: handlers.listTokens,
    }),
    route({
      method: 'POST',
      path: `${path}/{name}/tokens`,
      summary: `Create a secret of a ${kind}`,
      needs: 'admin',
      params: s.byName,
      body: s.newToken,
      returns: created(s.issuedSecret),
      handler: handlers.createToken,
    }),
    route({
      method: 'DELETE',
      path: `${path}/{name}/tokens/{id}`,
      summary: `Revoke a secret of a ${kind}`,
      needs: 'admin',
      params: s.byNameAndTokenId,
      returns: noContent,
      handler: handlers.revokeToken,
    }),
  ];
}
