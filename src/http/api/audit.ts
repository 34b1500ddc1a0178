import type { Router } from 'express';
import type { AuditRecord } from '../../../storage/metadata/queries/reads.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { type DefineHandler, administer, answer } from './api-handler.ts';
import { numberOf, pageOf } from './fields.ts';

/** `/audit?actor=&target=&after=&limit=`: who did what, newest first. `after` is the `next` of the page before. */
export function addAudit(router: Router, handle: DefineHandler, metadata: MetadataStore): void {
  router.get(
    '/audit',
    handle(async (request, { require }) => {
      require(administer);
      const { searchParams } = new URL(request.originalUrl, 'http://localhost');
      const { after, limit } = pageOf(request);
      const before = after === '' ? Number.MAX_SAFE_INTEGER : numberOf(after, 'after');
      const filter = { actor: searchParams.get('actor') ?? undefined, target: searchParams.get('target') ?? undefined };
      const events = await metadata.listAuditEvents(filter, before, limit);
      return answer(200, { items: events.map(show), next: events.length === limit ? String(events.at(-1)?.id) : undefined });
    }),
  );
}

function show({ at, actor, address, action, target, result, detail }: AuditRecord): object {
  return {
    at: new Date(at).toISOString(),
    actor,
    address,
    action,
    target,
    result,
    ...(detail === null ? {} : { detail: JSON.parse(detail) as unknown }),
  };
}
