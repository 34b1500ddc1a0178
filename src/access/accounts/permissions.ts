import type { AccessTokenRecord } from '../../../storage/metadata/queries/tokens.ts';
import type { AccountRecord } from '../../../storage/metadata/queries/accounts.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { ownNamespace } from './account-name.ts';
import type { RightsVersion } from '../permissions/rights-version.ts';
import { type Grant, type Grants, compileGrants, parseGrant, toGrant } from '../permissions/grants.ts';
import type { Identity } from '../permissions/identity.ts';
import { type Principal, anonymous } from '../permissions/principal.ts';
import { type Visibility, loadVisibility } from '../permissions/visibility.ts';
import type { WorkloadRule } from '../federation/workload-rule.ts';

/** Looks up the current permissions of identities. */
export interface Permissions {
  /** Returns the principal; undefined if the identity is deleted, disabled, expired, revoked, or its password has changed. */
  permissionsFor(identity: Identity): Promise<Principal | undefined>;
  visibility(): Promise<Visibility>;
  isPublic(repository: string): Promise<boolean>;
}

export interface PermissionsOptions {
  readonly metadata: MetadataStore;
  readonly rightsVersion: RightsVersion;
  readonly now: () => number;
  /** True if clients without a login may pull public repositories. */
  readonly anonymousPullsPublic: boolean;
  /** First path components of repositories that no user owns. */
  readonly reservedNames: ReadonlySet<string>;
  readonly workloadRules: readonly WorkloadRule[];
}

interface AccountPermissions {
  readonly account: AccountRecord;
  readonly principal: Principal;
}

export function createPermissions(options: PermissionsOptions): Permissions {
  const { metadata, rightsVersion, now, anonymousPullsPublic, reservedNames, workloadRules } = options;
  const accounts = rightsVersion.cache<AccountPermissions | undefined>();
  const tokens = rightsVersion.cache<AccessTokenRecord | undefined>();
  const ceilings = rightsVersion.cache<Grants>();
  const visibilities = rightsVersion.cache<Visibility>();
  const publicNames = rightsVersion.cache<boolean>();
  const anonymousGrants = rightsVersion.cache<{ readonly list: readonly Grant[]; readonly compiled: Grants }>();

  const visibility = () => rightsVersion.cached(visibilities, '', () => loadVisibility(metadata));
  const hasExpired = (expiresAt: number | null) => expiresAt !== null && expiresAt <= now();
  /**
   * Logins also end if the clock was set back so far that they would live twice their time. For other secrets a person has chosen
   * the date.
   */
  const hasEnded = ({ kind, createdAt, expiresAt }: AccessTokenRecord) =>
    hasExpired(expiresAt) ||
    ((kind === 'session' || kind === 'refresh') && expiresAt !== null && createdAt - now() > expiresAt - createdAt);

  function accountPermissions(id: number): Promise<AccountPermissions | undefined> {
    return rightsVersion.cached(accounts, String(id), async () => {
      const account = await metadata.accounts.find(id);
      if (!account) return undefined;
      const namespace = await metadata.namespaces.findByAccount(id);
      const own = namespace === undefined || reservedNames.has(namespace) ? undefined : ownNamespace(namespace);
      return { account, principal: toPrincipal(account, await metadata.grants.listForAccount(id), own) };
    });
  }

  async function accountPrincipal(identity: Extract<Identity, { kind: 'account' }>): Promise<Principal | undefined> {
    const { accountId, generation, tokenId } = identity;
    let found = await accountPermissions(accountId);
    if (found && found.account.generation < generation) {
      rightsVersion.invalidate();
      found = await accountPermissions(accountId);
    }
    if (!found || found.account.isDisabled || hasExpired(found.account.expiresAt)) return undefined;
    if (tokenId === undefined) return generation === found.account.generation ? found.principal : undefined;
    const token = await rightsVersion.cached(tokens, tokenId, () => metadata.tokens.find(tokenId));
    if (token?.accountId !== accountId || hasEnded(token)) return undefined;
    const { scopes } = token;
    // A session of the page counts as the user's own login.
    const principal = token.kind === 'session' ? found.principal : { ...found.principal, secretId: tokenId };
    if (scopes === null) return principal;
    return { ...principal, ceiling: await rightsVersion.cached(ceilings, tokenId, () => Promise.resolve(toCeiling(scopes))) };
  }

  function anonymousGrantList() {
    return rightsVersion.cached(anonymousGrants, '', async () => {
      const list = readGrants(await metadata.grants.listForSubjects(['anonymous']));
      return { list, compiled: compileGrants(list) };
    });
  }

  async function workloadPrincipal({ rules, subject }: Extract<Identity, { kind: 'workload' }>): Promise<Principal | undefined> {
    const matching = workloadRules.filter(({ name }) => rules.includes(name));
    const [first] = matching;
    if (!first) return undefined;
    return {
      kind: 'workload',
      id: `workload:${first.issuer}:${subject}`,
      name: subject,
      admin: false,
      grants: compileGrants([...matching.flatMap(({ grants }) => grants), ...(await anonymousGrantList()).list]),
      pullsPublic: true,
    };
  }

  return {
    async permissionsFor(identity) {
      switch (identity.kind) {
        case 'anonymous':
          return anonymous({ grants: (await anonymousGrantList()).compiled, pullsPublic: anonymousPullsPublic });
        case 'account':
          return accountPrincipal(identity);
        case 'workload':
          return workloadPrincipal(identity);
      }
    },
    visibility,
    isPublic: (repository) =>
      rightsVersion.cached(publicNames, repository, async () => (await visibility()).isPublic(repository)),
  };
}

function toPrincipal(
  { id, kind, name, isAdmin }: AccountRecord,
  records: readonly { readonly pattern: string; readonly actions: string }[],
  own: Grant | undefined,
): Principal {
  const grants = compileGrants([...readGrants(records), ...(own && kind === 'user' ? [own] : [])]);
  return { kind, id: `account:${id}`, name, admin: isAdmin && kind === 'user', grants, pullsPublic: true };
}

/** Unreadable records grant nothing. */
function readGrants(records: readonly { readonly pattern: string; readonly actions: string }[]): readonly Grant[] {
  return records.flatMap(({ pattern, actions }) => toGrant(pattern, actions) ?? []);
}

function toCeiling(scopes: string): Grants {
  return compileGrants((JSON.parse(scopes) as string[]).flatMap((scope) => parseGrant(scope) ?? []));
}
