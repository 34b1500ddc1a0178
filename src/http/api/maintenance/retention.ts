import { z } from 'zod';
import { AdministrationError } from '../../../access/accounts/administration-error.ts';
import type { PreviewedDecision } from '../../../maintenance/retention/overview.ts';
import { parsePattern } from '../../../oci/patterns/repository-pattern.ts';
import type { RepositoryName } from '../../../oci/reference.ts';
import { toDateTime } from '../table/date-time.ts';
import { type Context, type Route, noContent, ok, route } from '../table/route.ts';
import * as s from '../table/schemas.ts';

const previewQuery = s.pageByName.extend({
  repositories: s.pattern
    .optional()
    .meta({ description: 'NAME, PREFIX/* or PREFIX/**; default: all, which only an admin may see' }),
});

const logQuery = z.object({ repository: s.repository.optional(), after: s.exactNumber.optional(), limit: s.limit });

const item = z.object({ repository: z.string(), tag: z.string().nullable(), digest: z.string() });

const decision = item
  .extend({
    pushedAt: s.dateTime,
    expires: z.boolean(),
    rule: z.string().nullable(),
    reason: z.string(),
    notBefore: s.dateTime.nullable().meta({ description: 'end of the notice of the rule, if it has not ended' }),
  })
  .meta({ id: 'RetentionDecision' });

const plan = z
  .object({
    id: z.string(),
    madeAt: s.dateTime,
    reason: z.string().meta({ description: 'why the plan waits' }),
    approvedBy: z.string().nullable(),
    items: z.array(item.extend({ rule: z.string(), reason: z.string() })),
  })
  .meta({ id: 'RetentionPlan' });

const line = item
  .extend({
    at: s.dateTime,
    plan: z.string(),
    rule: z.string(),
    reason: z.string(),
    outcome: z.enum(['untagged', 'trashed', 'changed']),
    approved: z.boolean(),
  })
  .meta({ id: 'RetentionLine' });

const texts = z.array(z.string());
const tagRules = z
  .object({
    immutable: texts.meta({ description: 'selectors of tags that neither move nor can be deleted' }),
    protected: texts.meta({ description: 'selectors of tags that no rule expires' }),
    retention: z.array(z.object({ name: z.string(), match: texts })),
  })
  .meta({ id: 'TagRules' });

function showTagRules({ query }: { readonly query: { readonly repository: RepositoryName } }, { tagRules: rulesOf }: Context) {
  return Promise.resolve(rulesOf(query.repository));
}

/** Shows what retention would expire, and writes nothing. */
async function previewRetention({ query }: { readonly query: z.output<typeof previewQuery> }, { retention }: Context) {
  const { decisions, next } = await retention.preview(query.repositories, query.after, query.limit);
  return { items: decisions.map(toItem), next };
}

function toItem({ repository, tag, digest, pushedAt, expires, rule, reason, noticeUntil }: PreviewedDecision) {
  const notBefore = noticeUntil === undefined ? null : toDateTime(noticeUntil);
  return { repository, tag: tag ?? null, digest, pushedAt: toDateTime(pushedAt), expires, rule: rule ?? null, reason, notBefore };
}

/** Shows the plan that waits for an approval or for its execution. */
async function showPlan(_input: unknown, { retention }: Context) {
  const plan = await retention.findPlan();
  if (!plan) return { plan: null };
  const { id, madeAt, reason, approvedBy, items } = plan;
  return {
    plan: {
      id,
      madeAt: toDateTime(madeAt),
      reason,
      approvedBy,
      items: items.map(({ repository, tag, digest, rule, reason }) => ({ repository, tag: tag || null, digest, rule, reason })),
    },
  };
}

/** Approves the waiting plan in the name of the client. */
async function approvePlan({ params }: { readonly params: { readonly id: string } }, context: Context): Promise<void> {
  const { retention, principal } = context;
  if (!(await retention.approve(params.id, principal.name)))
    throw new AdministrationError('unknown', `no plan ${params.id} waits: it was executed or replaced`);
}

/** Lists what retention did, newest line first. */
async function listRetentionLog({ query }: { readonly query: z.output<typeof logQuery> }, { retention }: Context) {
  const { repository, after = Number.MAX_SAFE_INTEGER, limit } = query;
  const lines = await retention.listLog(repository, after, limit);
  const items = lines.map(({ at, planId, repository, tag, digest, rule, reason, outcome, isApproved }) => {
    return {
      at: toDateTime(at),
      plan: planId,
      repository,
      tag: tag || null,
      digest,
      rule,
      reason,
      outcome,
      approved: isApproved,
    };
  });
  return { items, next: lines.length === limit ? String(lines.at(-1)?.id) : undefined };
}

/** Rows of the API: retention. */
export const retentionRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/tag-rules',
    summary: 'Show the configured rules about tags of a repository: which are immutable, and which expire',
    needs: { action: 'pull', repositoryOf: ({ query }) => query.repository },
    query: z.object({ repository: s.repository }),
    returns: ok(tagRules),
    handler: showTagRules,
  }),
  route({
    method: 'GET',
    path: '/retention/preview',
    summary: 'Show what the rules of retention would expire; a page has the decisions about `limit` repositories',
    needs: { adminOf: ({ query }) => query.repositories },
    query: previewQuery,
    returns: ok(s.pageOf(decision)),
    handler: previewRetention,
  }),
  route({
    method: 'GET',
    path: '/retention/plan',
    summary: 'Show the plan that waits for an approval or for its execution',
    needs: 'admin',
    returns: ok(z.object({ plan: plan.nullable() })),
    handler: showPlan,
  }),
  route({
    method: 'POST',
    path: '/retention/plans/{id}/approval',
    summary: 'Approve the plan that waits',
    needs: 'admin',
    params: s.byTokenId,
    body: s.nothing,
    returns: noContent,
    handler: approvePlan,
  }),
  route({
    method: 'GET',
    path: '/retention/log',
    summary: 'List what retention did, newest line first',
    needs: { adminOf: ({ query }) => (query.repository === undefined ? undefined : parsePattern(query.repository)) },
    query: logQuery,
    returns: ok(s.pageOf(line)),
    handler: listRetentionLog,
  }),
];
