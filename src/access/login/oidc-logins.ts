import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { accountNameProblem } from '../accounts/account-name.ts';
import type { Audit } from '../accounts/audit.ts';
import type { Identity } from '../permissions/identity.ts';
import { canOwnNamespace } from '../accounts/namespace.ts';
import type { OidcUser } from '../federation/oidc.ts';
import { OidcError } from '../federation/oidc-error.ts';

export interface OidcLoginsOptions {
  readonly metadata: MetadataStore;
  readonly audit: Pick<Audit, 'record'>;
  readonly now: () => number;
  readonly issuer: string;
  /** Whether people who are new get an account. */
  readonly createUsers: boolean;
  /** First path components of repositories that no user owns. */
  readonly reservedNames: ReadonlySet<string>;
}

/**
 * Whose account a person of the provider has. The first login gives it a new one by its name: an account that exists is
 * never handed over, whoever the provider says it belongs to. Throws `OidcRefused`.
 */
export function createOidcLogins({ metadata, audit, now, issuer, createUsers, reservedNames }: OidcLoginsOptions) {
  async function accountOf({ subject, name: called }: OidcUser, address: string): Promise<number> {
    const name = called.toLowerCase();
    const known = await metadata.findAccountOfSubject(issuer, subject);
    if (known !== undefined) return known;
    if (!createUsers) throw new OidcError(`there is no account for ${name}: new ones are not made here`);
    if (accountNameProblem(name) !== undefined) {
      throw new OidcError('the provider calls you by a name that no account can have');
    }
    const detail = JSON.stringify({ issuer, subject });
    const event = { at: now(), actor: name, address, action: 'user.create', target: name, result: 'done', detail } as const;
    const created = await metadata.createAccountOfSubject(name, issuer, subject, event, canOwnNamespace(name, reservedNames));
    if (created === undefined) throw new OidcError(`the name ${name} belongs to another account: ask an admin`);
    return created;
  }

  return async (person: OidcUser, address: string): Promise<Identity> => {
    const target = person.name.slice(0, 128);
    const event = { actor: target, address, action: 'login', target, detail: JSON.stringify({ kind: 'oidc', issuer }) };
    try {
      const account = await metadata.findAccount(await accountOf(person, address));
      if (!account || account.isDisabled) throw new OidcError('your account here is closed: ask an admin');
      audit.record({ ...event, actor: account.name, target: account.name, result: 'done' });
      return { kind: 'account', accountId: account.id, generation: account.generation };
    } catch (error) {
      if (error instanceof OidcError) audit.record({ ...event, result: 'refused', isClaimed: true });
      throw error;
    }
  };
}

export type OidcLogins = ReturnType<typeof createOidcLogins>;
