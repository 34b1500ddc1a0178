import { z } from 'zod';
import type { Rule, VisibilityReason } from '../../../access/accounts/explain.ts';
import { actions } from '../../../access/permissions/action.ts';
import { parsePattern } from '../../../oci/patterns/repository-pattern.ts';
import { type AccountContext, type Route, ok, route } from '../table/route.ts';
import * as s from '../table/schemas.ts';

const explainQuery = z.object({
  account: s.text.meta({ description: 'name of a user or robot; anonymous: clients without a login' }),
  repository: s.repository,
});

const rulesQuery = s.pageByNumber.extend({ repository: s.repository });

const action = z.enum(actions);

const rule = z
  .object({
    kind: z.enum(['admin', 'namespace', 'grant', 'visibility']),
    pattern: z.string().nullable(),
    subject: z.string().nullable().meta({ description: 'of a grant' }),
    grant: z.number().nullable().meta({ description: 'id of the grant' }),
  })
  .meta({ id: 'AccessRule' });

const visibility = z
  .object({
    public: z.boolean(),
    pattern: z.string().nullable().meta({ description: 'of the rule that decides; null: no rule, so private' }),
    hiddenByUpstream: z.boolean().meta({ description: 'public by its rule, but not shown to everybody by its upstream' }),
  })
  .meta({ id: 'VisibilityReason' });

const explanation = z
  .object({
    subject: z.string(),
    obstacle: z.enum(['disabled', 'expired']).nullable().meta({ description: 'why the account can do nothing' }),
    actions: z.array(z.object({ action, allowed: z.boolean(), rules: z.array(rule) })),
    visibility,
  })
  .meta({ id: 'AccessExplanation' });

const repositoryRules = z
  .object({
    visibility,
    owner: z.string().nullable().meta({ description: 'user that owns the repository by its name' }),
    identities: z
      .array(z.object({ name: z.string(), pattern: z.string(), actions: z.array(action) }))
      .meta({ description: 'tokens of CI providers, by access.identities' }),
    items: z.array(z.object({ id: z.number(), subject: z.string(), pattern: z.string(), actions: z.array(action) })),
    next: z.string().optional(),
  })
  .meta({ id: 'RepositoryRules' });

async function explain({ query }: { readonly query: z.output<typeof explainQuery> }, { explainer }: AccountContext) {
  const { subject, obstacle = null, actions, visibility } = await explainer.explain(query.account, query.repository);
  return {
    subject,
    obstacle,
    actions: actions.map(({ action, isAllowed, rules }) => ({ action, allowed: isAllowed, rules: rules.map(toRule) })),
    visibility: toVisibility(visibility),
  };
}

async function listRules({ query }: { readonly query: z.output<typeof rulesQuery> }, { explainer }: AccountContext) {
  const { visibility, namespace, identities, grants } = await explainer.rulesOf(query.repository, query);
  return {
    visibility: toVisibility(visibility),
    owner: namespace?.owner ?? null,
    identities: identities.map(({ name, pattern, actions }) => ({ name, pattern, actions: [...actions] })),
    items: grants.items.map(({ id, subject, pattern, actions }) => ({ id, subject, pattern, actions: [...actions] })),
    next: grants.next,
  };
}

function toRule(applied: Rule): z.output<typeof rule> {
  const { kind } = applied;
  return {
    kind,
    pattern: kind === 'admin' ? null : applied.pattern,
    subject: kind === 'grant' ? applied.subject : null,
    grant: kind === 'grant' ? applied.id : null,
  };
}

function toVisibility({ isPublic, pattern, isHiddenByUpstream }: VisibilityReason) {
  return { public: isPublic, pattern: pattern ?? null, hiddenByUpstream: isHiddenByUpstream };
}

/** Rows of the API that name the rules of a repository, for its admins. */
export const explainRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/explain',
    summary: 'Explain what an account may do in a repository, with the rule behind each action',
    needs: { adminOf: ({ query }) => parsePattern(query.repository) },
    query: explainQuery,
    returns: ok(explanation),
    handler: explain,
  }),
  route({
    method: 'GET',
    path: '/access',
    summary: 'List the rules that decide who may do what in a repository',
    needs: { adminOf: ({ query }) => parsePattern(query.repository) },
    query: rulesQuery,
    returns: ok(repositoryRules),
    handler: listRules,
  }),
];
