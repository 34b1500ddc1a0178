import type { z } from 'zod';
import type { NamespaceStatus, ShownToken } from '../../../access/accounts/administration.ts';
import type { Account, AccountKind } from '../../../access/accounts/directory.ts';
import type { PageRequest } from '../../../access/accounts/pages.ts';
import { isoTime } from '../../../access/accounts/time.ts';
import type { AccountContext } from '../table/route.ts';
import type { accountChanges, newRobot, newToken, newUser, robotChanges } from '../table/schemas.ts';

interface ByName {
  readonly params: { readonly name: string };
}

/** Only robots expire. */
type Changes = z.output<typeof accountChanges> & Partial<z.output<typeof robotChanges>>;

/** Handlers of `/users` and `/robots`; each finds accounts of its kind only. */
export function accountHandlers(kind: AccountKind) {
  return {
    async list({ query }: { readonly query: PageRequest<string> }, { directory }: AccountContext) {
      const { items, next } = await directory.listAccounts(kind, query);
      return { items: items.map(toJson), next };
    },

    async show({ params }: ByName, { directory }: AccountContext) {
      return toJson(await directory.findAccount(kind, params.name));
    },

    async change({ params, body }: ByName & { readonly body: Changes }, context: AccountContext) {
      const { directory, administration } = context;
      const { name } = await directory.findAccount(kind, params.name);
      const { password, admin, disabled, expiresAt } = body;
      if (password !== undefined) await administration.setPassword(name, password);
      if (admin !== undefined) await administration.setAdmin(name, admin);
      if (disabled !== undefined) await administration.setDisabled(name, disabled);
      if (expiresAt !== undefined) await administration.setExpiry(name, expiresAt ?? undefined);
      return toJson(await directory.findAccount(kind, name));
    },

    async remove({ params }: ByName, { directory, administration }: AccountContext) {
      const { name } = await directory.findAccount(kind, params.name);
      await administration.deleteAccount(name);
    },

    async listTokens({ params }: ByName, { directory }: AccountContext): Promise<{ readonly items: readonly ShownToken[] }> {
      const { name } = await directory.findAccount(kind, params.name);
      return { items: await directory.listTokens(name) };
    },

    async createToken({ params, body }: ByName & { readonly body: z.output<typeof newToken> }, context: AccountContext) {
      const { name } = await context.directory.findAccount(kind, params.name);
      return context.administration.createToken({ account: name, ...body });
    },

    async revokeToken({ params }: { readonly params: { readonly name: string; readonly id: string } }, context: AccountContext) {
      const { name } = await context.directory.findAccount(kind, params.name);
      await context.administration.revokeToken(name, params.id);
    },
  };
}

export async function createUser({ body }: { readonly body: z.output<typeof newUser> }, { administration }: AccountContext) {
  const { name, password, admin: isAdmin = false } = body;
  return { name, ...namespaceToJson(await administration.createUser({ name, password, isAdmin })) };
}

export async function createRobot({ body }: { readonly body: z.output<typeof newRobot> }, { administration }: AccountContext) {
  const { name, grants = [], expiresAt } = body;
  return { name, ...(await administration.createRobot({ name, grants, expiresAt })) };
}

/** Creates the users of an htpasswd file. */
export async function importHtpasswd({ body }: { readonly body: { readonly file: string } }, { administration }: AccountContext) {
  return administration.importHtpasswd(body.file);
}

/** `namespace`: the pattern that the user owns, or null; `note` says why it is null. */
export function namespaceToJson({ namespace, note }: NamespaceStatus) {
  return { namespace: namespace ?? null, note };
}

function toJson({ name, kind, isAdmin, isDisabled, createdAt, expiresAt }: Account) {
  return {
    name,
    kind,
    admin: isAdmin,
    disabled: isDisabled,
    createdAt: isoTime(createdAt),
    expiresAt: expiresAt === null ? null : isoTime(expiresAt),
  };
}
