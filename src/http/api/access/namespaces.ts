import type { PageRequest } from '../../../access/accounts/pages.ts';
import { isoTime } from '../../../access/accounts/time.ts';
import { namespaceToJson } from './accounts.ts';
import type { AccountContext } from '../table/route.ts';

/** Handlers of `/namespaces`: which users own the repositories below their names, and which names deleted accounts still hold. */

export async function listNamespaces({ query }: { readonly query: PageRequest<string> }, { directory }: AccountContext) {
  const { items, next } = await directory.listNamespaces(query);
  const namespaces = items.map(({ name, owner, deletedAt }) => {
    return { name, owner, deletedAt: deletedAt === null ? null : isoTime(deletedAt) };
  });
  return { items: namespaces, next };
}

export async function releaseNamespace(
  { params: { name } }: { readonly params: { readonly name: string } },
  { administration }: AccountContext,
) {
  return { name, ...namespaceToJson(await administration.releaseNamespace(name)) };
}
