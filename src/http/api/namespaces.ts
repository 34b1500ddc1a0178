import type { Router } from 'express';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import type { NamespaceStatus } from '../../access/accounts/administration.ts';
import { isoTime } from '../../access/accounts/time.ts';
import { type DefineHandler, administer, answer } from './api-handler.ts';
import { pageOf } from './fields.ts';

/** `/namespaces`: which users own the repositories below their names, and which names deleted accounts have left. */
export function addNamespaces(router: Router, handle: DefineHandler, metadata: MetadataStore): void {
  router.get(
    '/namespaces',
    handle(async (request, { require }) => {
      require(administer);
      const { after, limit } = pageOf(request);
      const found = await metadata.listNamespaces(after, limit);
      const items = found.map(({ name, owner, deletedAt }) => ({
        name,
        owner,
        deletedAt: deletedAt === null ? null : isoTime(deletedAt),
      }));
      return answer(200, { items, next: found.length === limit ? found.at(-1)?.name : undefined });
    }),
  );
  router.delete(
    '/namespaces/:name',
    handle(async (request, { require, administration }) => {
      require(administer);
      const name = String(request.params['name']);
      return answer(200, { name, ...showNamespace(await administration.releaseNamespace(name)) });
    }),
  );
}

/** `namespace`: the pattern that the user owns, or null; `note` says why. */
export function showNamespace({ namespace, note }: NamespaceStatus): object {
  return { namespace: namespace ?? null, ...(note === undefined ? {} : { note }) };
}
