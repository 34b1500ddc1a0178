import type { AccountRecord } from '../../../storage/metadata/queries/accounts.ts';
import type { AuditFilter, AuditRecord } from '../../../storage/metadata/queries/audit.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { type ShownToken, showToken } from './administration.ts';
import { AdministrationError } from './administration-error.ts';
import { resolveSubject } from './subjects.ts';
import { type Page, type PageRequest, toPage } from './pages.ts';

export type AccountKind = 'user' | 'robot';

/** A user or robot. Times in milliseconds since 1970. */
export interface Account {
  readonly name: string;
  readonly kind: AccountKind;
  readonly isAdmin: boolean;
  readonly isDisabled: boolean;
  /** False for robots, and for users that another provider logs in. */
  readonly hasPassword: boolean;
  readonly createdAt: number;
  /** Null: never. */
  readonly expiresAt: number | null;
}

export interface Namespace {
  readonly name: string;
  /** Name of the account that owns it; null: the account was deleted and the namespace is not released. */
  readonly owner: string | null;
  /** Milliseconds since 1970; null while the account exists. */
  readonly deletedAt: number | null;
}

export interface Team {
  readonly name: string;
  /** Names of accounts, ascending. */
  readonly members: readonly string[];
}

/** A grant with the subject as people write it: `user:alice`, `robot:ci`, `team:devs`, `authenticated`, `anonymous`. */
export interface ListedGrant {
  readonly id: number;
  readonly subject: string;
  readonly pattern: string;
  readonly actions: readonly string[];
}

export interface VisibilityRule {
  readonly pattern: string;
  readonly isPublic: boolean;
}

/** A line of the audit log. */
export interface AuditLine extends Omit<AuditRecord, 'detail'> {
  /** Undefined where the action has none. */
  readonly detail: unknown;
}

/**
 * Reads accounts, teams, grants, visibility rules and the audit log. The caller has checked that the client may see them.
 * Reads of one account, team or token throw `AdministrationError` `unknown` if it does not exist. Listings ascend by name,
 * pattern or id; the audit log is listed newest first.
 */
export interface Directory {
  listAccounts(kind: AccountKind, page: PageRequest<string>): Promise<Page<Account>>;
  findAccount(kind: AccountKind, name: string): Promise<Account>;
  /** Lists all tokens of the account; none for a name without an account. */
  listTokens(account: string): Promise<readonly ShownToken[]>;
  listNamespaces(page: PageRequest<string>): Promise<Page<Namespace>>;
  listTeams(page: PageRequest<string>): Promise<Page<string>>;
  findTeam(name: string): Promise<Team>;
  /** `subject`: only its own grants, not those of its teams. Throws `AdministrationError` for a subject that does not exist. */
  listGrants(page: PageRequest<number>, subject?: string): Promise<Page<ListedGrant>>;
  /** Returns the pattern text of a grant; undefined if the grant does not exist. */
  patternOfGrant(id: number): Promise<string | undefined>;
  listVisibilityRules(page: PageRequest<string>): Promise<Page<VisibilityRule>>;
  /** `after`: id of the last line of the page before; undefined: begins with the newest line. */
  listAuditLines(filter: AuditFilter, page: PageRequest<number | undefined>): Promise<Page<AuditLine>>;
}

export function createDirectory(metadata: MetadataStore): Directory {
  return {
    async listAccounts(kind, { after, limit }) {
      const accounts = await metadata.accounts.list(kind, after, limit);
      return toPage(accounts.map(toAccount), limit, ({ name }) => name);
    },

    async findAccount(kind, name) {
      const account = await metadata.accounts.findByName(name);
      if (account?.kind !== kind) throw new AdministrationError('unknown', `no ${kind} is called ${name}`);
      return toAccount(account);
    },

    async listTokens(name) {
      const account = await metadata.accounts.findByName(name);
      return account ? (await metadata.tokens.list(account.id)).map(showToken) : [];
    },

    async listNamespaces({ after, limit }) {
      return toPage(await metadata.namespaces.list(after, limit), limit, ({ name }) => name);
    },

    async listTeams({ after, limit }) {
      return toPage(await metadata.teams.list(after, limit), limit, (name) => name);
    },

    async findTeam(name) {
      const team = await metadata.teams.find(name);
      if (!team) throw new AdministrationError('unknown', `no team is called ${name}`);
      return { name, members: await metadata.teams.listMembers(team.id) };
    },

    async listGrants({ after, limit }, subject) {
      const stored = subject === undefined ? undefined : await resolveSubject(metadata, subject);
      const grants = await metadata.grants.list(stored, after, limit);
      const items = grants.map(({ id, subjectName: subject, pattern, actions }) => {
        return { id, subject, pattern, actions: actions.split(',') };
      });
      return toPage(items, limit, ({ id }) => String(id));
    },

    patternOfGrant: async (id) => (await metadata.grants.find(id))?.pattern,

    async listVisibilityRules({ after, limit }) {
      const rules = await metadata.visibilities.list(after, limit);
      const items = rules.map(({ pattern, isPublic }) => ({ pattern, isPublic }));
      return toPage(items, limit, ({ pattern }) => pattern);
    },

    async listAuditLines(filter, { after, limit }) {
      const events = await metadata.audit.list(filter, after ?? Number.MAX_SAFE_INTEGER, limit);
      const items = events.map(({ detail, ...line }) => {
        return { ...line, detail: detail === null ? undefined : (JSON.parse(detail) as unknown) };
      });
      return toPage(items, limit, ({ id }) => String(id));
    },
  };
}

function toAccount({ name, kind, isAdmin, isDisabled, passwordHash, createdAt, expiresAt }: AccountRecord): Account {
  return { name, kind, isAdmin, isDisabled, hasPassword: passwordHash !== null, createdAt, expiresAt };
}
