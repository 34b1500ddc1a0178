import type { z } from 'zod';
import type { PageRequest } from '../../../access/accounts/pages.ts';
import { type Pattern, parsePattern } from '../../../oci/patterns/repository-pattern.ts';
import type { AccountContext } from '../table/route.ts';
import type { grantsQuery, newGrant, newVisibility } from '../table/schemas.ts';

/** Handlers of `/grants` and `/visibilities`. */

interface ByNumber {
  readonly params: { readonly id: number };
}

export async function listGrants({ query }: { readonly query: z.output<typeof grantsQuery> }, { directory }: AccountContext) {
  return directory.listGrants(query, query.subject);
}

export async function createGrant({ body }: { readonly body: z.output<typeof newGrant> }, { administration }: AccountContext) {
  const { subject, pattern, actions = [] } = body;
  return { id: await administration.grant(subject, pattern.text, actions.join(',')) };
}

export async function deleteGrant({ params }: ByNumber, { administration }: AccountContext) {
  await administration.revokeGrant(params.id);
}

/** Returns the pattern of the grant; undefined if the grant does not exist. */
export async function patternOfGrant({ params }: ByNumber, { directory }: AccountContext): Promise<Pattern | undefined> {
  const text = await directory.patternOfGrant(params.id);
  return text === undefined ? undefined : parsePattern(text);
}

export async function listVisibilityRules({ query }: { readonly query: PageRequest<string> }, { directory }: AccountContext) {
  const { items, next } = await directory.listVisibilityRules(query);
  return { items: items.map(({ pattern, isPublic }) => ({ pattern, public: isPublic })), next };
}

export async function setVisibility(
  { body }: { readonly body: z.output<typeof newVisibility> },
  { administration }: AccountContext,
) {
  await administration.setPublic(body.pattern.text, body.public);
}
