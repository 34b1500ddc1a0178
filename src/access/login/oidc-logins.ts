import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { accountNameProblem } from '../accounts/account-name.ts';
import type { Audit } from '../accounts/audit.ts';
import type { Identity } from '../permissions/identity.ts';
import { canOwnNamespace, namespaceProblem } from '../accounts/namespace.ts';
import type { OidcUser } from '../federation/oidc.ts';
import { OidcError } from '../federation/oidc-error.ts';

export interface OidcLoginsOptions {
  readonly metadata: MetadataStore;
  readonly audit: Pick<Audit, 'record' | 'recordLogin'>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly issuer: string;
  /** True if the first login of a user creates an account. */
  readonly createUsers: boolean;
  /** First path components of repositories that no user owns. */
  readonly reservedNames: ReadonlySet<string>;
}

/** A completed login by the provider. */
export interface OidcLogin {
  readonly identity: Identity;
  /** What the user should know about the account that this login has created: why it owns no repositories. */
  readonly notice: string | undefined;
}

interface FoundAccount {
  readonly id: number;
  readonly notice: string | undefined;
}

const maxNameLength = 128;

/**
 * Maps users of the OpenID Connect provider to accounts. A user's first login creates an account of its name; an account of that
 * name that exists is never handed over, whatever the provider says. Throws `OidcError`.
 */
export function createOidcLogins({ metadata, audit, now, issuer, createUsers, reservedNames }: OidcLoginsOptions) {
  async function findOrCreate({ subject, name: providerName }: OidcUser, address: string): Promise<FoundAccount> {
    const name = providerName.toLowerCase();
    const existing = await metadata.accounts.findBySubject(issuer, subject);
    if (existing !== undefined) return { id: existing, notice: undefined };
    if (!createUsers) throw new OidcError(`there is no account for ${name}: new ones are not made here`);
    if (accountNameProblem(name) !== undefined) {
      throw new OidcError('the provider calls you by a name that no account can have');
    }
    const detail = JSON.stringify({ issuer, subject });
    const event = { at: now(), actor: name, address, action: 'user.create', target: name, result: 'done', detail } as const;
    const created = await metadata.accounts.createForSubject(name, issuer, subject, event, canOwnNamespace(name, reservedNames));
    if (created === undefined) throw new OidcError(`the name ${name} belongs to another account: ask an admin`);
    const problem = namespaceProblem(name, reservedNames, created.obstacle);
    return { id: created.id, notice: problem && `${problem}. An admin can grant you access to repositories.` };
  }

  return async (user: OidcUser, address: string): Promise<OidcLogin> => {
    const target = user.name.slice(0, maxNameLength);
    const event = { actor: target, address, action: 'login', target, detail: JSON.stringify({ kind: 'oidc', issuer }) };
    try {
      const { id, notice } = await findOrCreate(user, address);
      const account = await metadata.accounts.find(id);
      if (!account || account.isDisabled) throw new OidcError('your account here is closed: ask an admin');
      await audit.recordLogin({ ...event, actor: account.name, target: account.name, result: 'done' });
      return { identity: { kind: 'account', accountId: account.id, generation: account.generation }, notice };
    } catch (error) {
      if (error instanceof OidcError) audit.record({ ...event, result: 'refused', isClaimed: true });
      throw error;
    }
  };
}

export type OidcLogins = ReturnType<typeof createOidcLogins>;
