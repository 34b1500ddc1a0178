import { z } from 'zod';
import { AdministrationError } from '../../../access/accounts/administration-error.ts';
import { parsePattern } from '../../../oci/patterns/repository-pattern.ts';
import { type Context, type Route, noContent, ok, route } from '../table/route.ts';
import * as s from '../table/schemas.ts';

const listQuery = z.object({
  repository: s.repository.optional().meta({ description: 'only the quotas that this repository counts in' }),
  after: s.text.optional().meta({ description: '`next` of the page before' }),
  limit: s.limit,
});

const limit = z.number().nullable().meta({ description: 'null: no limit' });

const quota = z
  .object({
    quota: z.string().meta({ description: 'name of the quota in the configuration' }),
    per: z.enum(['namespace', 'repository', 'all']),
    name: z.string().meta({ description: 'the namespace or repository; empty for all repositories together' }),
    usedBytes: z.number().meta({ description: 'content, each digest once, with the trash' }),
    uploadBytes: z.number().meta({ description: 'space that open uploads hold' }),
    maxBytes: limit,
    tags: z.number(),
    maxTags: limit,
    counting: z
      .boolean()
      .meta({ description: 'content is being counted: the figures are too low, and the quota is not enforced' }),
  })
  .meta({ id: 'Quota' });

async function listQuotas({ query }: { readonly query: z.output<typeof listQuery> }, { quotas }: Context) {
  if (query.repository !== undefined) return { items: await quotas.listOf(query.repository) };
  const page = await quotas.list(query.after, query.limit);
  if (!page) throw new AdministrationError('invalid', 'after is not the `next` of a page');
  return { items: page.quotas, next: page.next };
}

function recountQuotas(_input: unknown, { quotas }: Context): Promise<void> {
  return quotas.requestRecount();
}

/** Rows of the API: quotas. */
export const quotaRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/quotas',
    summary: 'List quotas with what they have used; those of one repository for its admins',
    needs: { adminOf: ({ query }) => (query.repository === undefined ? undefined : parsePattern(query.repository)) },
    query: listQuery,
    returns: ok(s.pageOf(quota)),
    handler: listQuotas,
  }),
  route({
    method: 'POST',
    path: '/quotas/recount',
    summary: 'Count all content again, in the background; the counters of today stay in force until then',
    needs: 'admin',
    body: s.nothing,
    returns: noContent,
    handler: recountQuotas,
  }),
];
