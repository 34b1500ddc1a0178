import type { PageRequest } from '../../../access/accounts/pages.ts';
import type { AccountContext } from '../table/route.ts';

/** Handlers of `/teams` and their members. */

interface ByName {
  readonly params: { readonly name: string };
}

interface ByMember {
  readonly params: { readonly name: string; readonly account: string };
}

export async function listTeams({ query }: { readonly query: PageRequest<string> }, { directory }: AccountContext) {
  const { items, next } = await directory.listTeams(query);
  return { items: items.map((name) => ({ name })), next };
}

export async function createTeam(
  { body: { name } }: { readonly body: { readonly name: string } },
  { administration }: AccountContext,
) {
  await administration.createTeam(name);
  return { name };
}

export async function showTeam({ params }: ByName, { directory }: AccountContext) {
  return directory.findTeam(params.name);
}

export async function deleteTeam({ params }: ByName, { administration }: AccountContext) {
  await administration.deleteTeam(params.name);
}

export async function addMember({ params }: ByMember, { administration }: AccountContext) {
  await administration.addMember(params.name, params.account);
}

export async function removeMember({ params }: ByMember, { administration }: AccountContext) {
  await administration.removeMember(params.name, params.account);
}
