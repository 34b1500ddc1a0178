import type { z } from 'zod';
import type { AccountContext } from '../table/route.ts';
import type { auditQuery } from '../table/schemas.ts';

/** Lists the audit log, newest line first. */
export async function listAuditLines({ query }: { readonly query: z.output<typeof auditQuery> }, { directory }: AccountContext) {
  const { actor, target, after, limit } = query;
  const page = await directory.listAuditLines({ actor, target }, { after, limit });
  const items = page.items.map(({ at, actor, address, action, target, result, detail }) => {
    return { at: new Date(at).toISOString(), actor, address, action, target, result, detail };
  });
  return { items, next: page.next };
}
