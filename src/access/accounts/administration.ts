import type { AccessTokenRecord } from '../../../storage/metadata/queries/tokens.ts';

/** The account behind a change, and its network address: for the audit log. */
export interface Actor {
  readonly name: string;
  readonly address: string;
  readonly requestId?: string;
}

export interface NewUser {
  readonly name: string;
  readonly password: string;
  readonly isAdmin: boolean;
}

/** The personal namespace of a user. */
export interface NamespaceStatus {
  /** `alice/**`; undefined if the user owns none. */
  readonly namespace?: string | undefined;
  /** Why the user owns none, and what an admin can do. */
  readonly note?: string | undefined;
}

export interface ImportedUsers {
  readonly created: readonly string[];
  /** One per created user that owns no namespace. */
  readonly notes: readonly string[];
}

export interface NewRobot {
  readonly name: string;
  readonly grants: readonly string[];
  /** Milliseconds since 1970; undefined: never. */
  readonly expiresAt?: number | undefined;
}

export interface NewToken {
  readonly account: string;
  /** A label for people. */
  readonly name: string;
  /** Upper bound of the permissions, `PATTERN:ACTIONS`; undefined: all permissions of the account. */
  readonly scopes?: readonly string[] | undefined;
  readonly expiresAt?: number | undefined;
}

/** A new secret: berth stores only its hash and cannot show it again. */
export interface IssuedSecret {
  readonly id: string;
  readonly secret: string;
}

/**
 * Changes accounts, teams, grants and visibility. Callers check that the actor is permitted. Each change is validated, then
 * made and recorded in the audit log in one transaction. Throws `AdministrationError`. Subjects are written `user:alice`,
 * `robot:ci`, `team:devs`, `authenticated`, `anonymous`.
 */
export interface Administration {
  createUser(user: NewUser): Promise<NamespaceStatus>;
  /** Ends every login and session that used the old password; personal access tokens stay. */
  setPassword(name: string, password: string): Promise<void>;
  setDisabled(name: string, isDisabled: boolean): Promise<void>;
  setAdmin(name: string, isAdmin: boolean): Promise<void>;
  /** Deletes a user or a robot. No later user of the name owns its namespace before `releaseNamespace`. */
  deleteAccount(name: string): Promise<void>;
  /** Creates the users of an htpasswd file (bcrypt); existing users stay unchanged. */
  importHtpasswd(text: string): Promise<ImportedUsers>;
  /** Releases the name of a deleted user: the current or next user of this name owns the namespace. */
  releaseNamespace(name: string): Promise<NamespaceStatus>;
  createRobot(robot: NewRobot): Promise<IssuedSecret>;
  /**
   * Changes when a robot expires (milliseconds since 1970; undefined: never). Secrets that were to expire with it follow, also
   * after it has expired; those with an expiry of their own keep it.
   */
  setExpiry(name: string, expiresAt: number | undefined): Promise<void>;
  createToken(token: NewToken): Promise<IssuedSecret>;
  /** `account`: the owner that the token must have. */
  revokeToken(account: string, id: string): Promise<void>;
  createTeam(name: string): Promise<void>;
  deleteTeam(name: string): Promise<void>;
  addMember(team: string, account: string): Promise<void>;
  removeMember(team: string, account: string): Promise<void>;
  /** Replaces the subject's grant for the same pattern. Returns the grant's id. */
  grant(subject: string, pattern: string, actions: string): Promise<number>;
  revokeGrant(id: number): Promise<void>;
  /** Sets the visibility of the repositories that a name or pattern matches; undefined removes the rule. */
  setPublic(pattern: string, isPublic: boolean | undefined): Promise<void>;
}

/** An access token as shown to its owner. */
export type ShownToken = Omit<AccessTokenRecord, 'accountId' | 'scopes'> & { readonly scopes: readonly string[] | null };

export function showToken(record: AccessTokenRecord): ShownToken {
  const { id, kind, name, scopes, createdAt, expiresAt, lastUsedAt } = record;
  const confined = scopes === null ? null : (JSON.parse(scopes) as string[]);
  return { id, kind, name, scopes: confined, createdAt, expiresAt, lastUsedAt };
}
