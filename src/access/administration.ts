import { randomUUID } from 'node:crypto';
import type { AuditEvent } from '../../storage/metadata/queries/access-writes.ts';
import type { AccessTokenRecord, AccountRecord } from '../../storage/metadata/queries/reads.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import { isAccountName } from './account-name.ts';
import { type Grant, formatGrant, parseGrant } from './grants.ts';
import { parseHtpasswd } from './htpasswd.ts';
import { hashPassword, isPassword } from './password.ts';
import { type Pattern, parsePattern } from './pattern.ts';
import { generateSecret, hashSecret } from './secret.ts';

/** What is wrong with a change: `invalid` as asked, `unknown` or `taken` name, `refused` by a rule. The message says more. */
export type AdministrationErrorCode = 'invalid' | 'unknown' | 'taken' | 'refused';

export class AdministrationError extends Error {
  override readonly name = 'AdministrationError';
  readonly code: AdministrationErrorCode;

  constructor(code: AdministrationErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** Who changes something, and from where: for the audit log. */
export interface Actor {
  readonly name: string;
  readonly address: string;
}

export interface NewUser {
  readonly name: string;
  readonly password: string;
  readonly isAdmin: boolean;
}

export interface NewRobot {
  readonly name: string;
  readonly grants: readonly string[];
  /** Milliseconds since 1970; undefined: never. */
  readonly expiresAt?: number | undefined;
}

export interface NewToken {
  readonly account: string;
  /** For people: what it is for. */
  readonly name: string;
  /** What it is confined to, `PATTERN:ACTIONS`; undefined: everything that its user may. */
  readonly scopes?: readonly string[] | undefined;
  readonly expiresAt?: number | undefined;
}

/** A secret: it can not be asked for again. */
export interface IssuedSecret {
  readonly id: string;
  readonly secret: string;
}

/**
 * Changes to accounts, teams, grants and visibility, by somebody who has been found to be allowed to. Each is checked,
 * made and recorded in the audit log as one. Throws `AdministrationError`. Names of subjects are written `user:alice`,
 * `robot:ci`, `team:devs`, `authenticated`, `anonymous`.
 */
export interface Administration {
  createUser(user: NewUser): Promise<void>;
  /** Ends everything that the old password has opened; personal access tokens stay. */
  setPassword(name: string, password: string): Promise<void>;
  setDisabled(name: string, isDisabled: boolean): Promise<void>;
  setAdmin(name: string, isAdmin: boolean): Promise<void>;
  /** A user or a robot. */
  deleteAccount(name: string): Promise<void>;
  /** Takes over the users of an htpasswd file (bcrypt); those that exist keep what they have. Returns who is new. */
  importHtpasswd(text: string): Promise<readonly string[]>;
  createRobot(robot: NewRobot): Promise<IssuedSecret>;
  createToken(token: NewToken): Promise<IssuedSecret>;
  /** `account`: whose it must be. */
  revokeToken(account: string, id: string): Promise<void>;
  createTeam(name: string): Promise<void>;
  deleteTeam(name: string): Promise<void>;
  addMember(team: string, account: string): Promise<void>;
  removeMember(team: string, account: string): Promise<void>;
  /** In place of what the subject had for the same pattern. Returns the grant's id. */
  grant(subject: string, pattern: string, actions: string): Promise<number>;
  revokeGrant(id: number): Promise<void>;
  /** Whether what a name or pattern matches is public; undefined takes back what was said of it. */
  setPublic(pattern: string, isPublic: boolean | undefined): Promise<void>;
}

/** `now` in milliseconds. */
export function createAdministration(metadata: MetadataStore, actor: Actor, now: () => number): Administration {
  const event = (action: string, target: string, detail?: object): AuditEvent => ({
    at: now(),
    actor: actor.name,
    address: actor.address,
    action,
    target,
    result: 'done',
    ...(detail ? { detail: JSON.stringify(detail) } : {}),
  });

  async function accountNamed(name: string): Promise<AccountRecord> {
    const account = await metadata.findAccountByName(name);
    if (!account) throw new AdministrationError('unknown', `no account is called ${name}`);
    return account;
  }

  async function userNamed(name: string): Promise<AccountRecord> {
    const account = await metadata.findAccountByName(name);
    if (account?.kind !== 'user') throw new AdministrationError('unknown', `no user is called ${name}`);
    return account;
  }

  async function teamNamed(name: string): Promise<number> {
    const team = await metadata.findTeam(name);
    if (!team) throw new AdministrationError('unknown', `no team is called ${name}`);
    return team.id;
  }

  /** `user:alice` → `account:12` */
  async function subjectOf(text: string): Promise<string> {
    if (text === 'authenticated' || text === 'anonymous') return text;
    const [kind, name = ''] = text.split(':', 2);
    if (kind === 'team') return `team:${await teamNamed(name)}`;
    if (kind !== 'user' && kind !== 'robot') {
      throw new AdministrationError('invalid', `${text} is none of user:NAME, robot:NAME, team:NAME, authenticated, anonymous`);
    }
    const account = await accountNamed(name);
    if (account.kind !== kind) throw new AdministrationError('unknown', `no ${kind} is called ${name}`);
    return `account:${account.id}`;
  }

  async function addSecret(
    kind: 'personal' | 'robot',
    account: { readonly id: number; readonly name: string },
    { name, scopes, expiresAt }: Omit<NewToken, 'account'>,
  ): Promise<IssuedSecret> {
    const secret = generateSecret(kind);
    const id = randomUUID();
    await metadata.createAccessToken(
      {
        id,
        kind,
        accountId: account.id,
        name,
        secretHash: hashSecret(secret),
        scopes: scopes ? JSON.stringify(scopes) : null,
        expiresAt: expiresAt ?? null,
      },
      event('token.create', account.name, { id, name, ...(scopes ? { scopes } : {}) }),
    );
    return { id, secret };
  }

  async function insertAccount(account: Parameters<MetadataStore['createAccount']>[0], action: string): Promise<number> {
    const id = await metadata.createAccount(account, event(action, account.name));
    if (id === undefined) throw new AdministrationError('taken', `${account.name} exists already`);
    return id;
  }

  return {
    async createUser({ name, password, isAdmin }) {
      requireName(name);
      const passwordHash = await hashPassword(requirePassword(password));
      await insertAccount({ kind: 'user', name, passwordHash, isAdmin, expiresAt: null }, 'user.create');
    },

    async setPassword(name, password) {
      const { id } = await userNamed(name);
      await metadata.setPassword(id, await hashPassword(requirePassword(password)), event('user.password', name));
    },

    async setDisabled(name, isDisabled) {
      const { id } = await accountNamed(name);
      const action = isDisabled ? 'account.disable' : 'account.enable';
      if (!(await metadata.setDisabled(id, isDisabled, event(action, name)))) throw lastAdmin(name);
    },

    async setAdmin(name, isAdmin) {
      const { id } = await userNamed(name);
      const action = isAdmin ? 'user.promote' : 'user.demote';
      if (!(await metadata.setAdmin(id, isAdmin, event(action, name)))) throw lastAdmin(name);
    },

    async deleteAccount(name) {
      const { id } = await accountNamed(name);
      if (!(await metadata.deleteAccount(id, event('account.delete', name)))) throw lastAdmin(name);
    },

    async importHtpasswd(text) {
      const { entries, errors } = parseHtpasswd(text);
      if (errors.length > 0) throw new AdministrationError('invalid', errors.join('; '));
      const created: string[] = [];
      for (const { name, hash } of entries) {
        const account = { kind: 'user', name, passwordHash: hash, isAdmin: false, expiresAt: null } as const;
        if ((await metadata.createAccount(account, event('user.import', name))) !== undefined) created.push(name);
      }
      return created;
    },

    async createRobot({ name, grants, expiresAt }) {
      requireName(name);
      const parsed = grants.map(requireGrant);
      const robot = { kind: 'robot', name, passwordHash: null, isAdmin: false, expiresAt: expiresAt ?? null } as const;
      const id = await insertAccount(robot, 'robot.create');
      for (const { pattern, actions } of parsed) {
        const grant = { subject: `account:${id}`, pattern: pattern.text, actions: actions.join(',') };
        await metadata.putGrant(grant, event('grant.put', `robot:${name}`, grant));
      }
      return addSecret('robot', { id, name }, { name, expiresAt });
    },

    async createToken({ account: owner, name, scopes, expiresAt }) {
      const account = await accountNamed(owner);
      const checked = scopes?.map((scope) => formatGrant(requireGrant(scope)));
      return addSecret(account.kind === 'robot' ? 'robot' : 'personal', account, { name, scopes: checked, expiresAt });
    },

    async revokeToken(owner, id) {
      const [account, token] = [await accountNamed(owner), await metadata.findAccessToken(id)];
      if (token?.accountId !== account.id) throw new AdministrationError('unknown', `${owner} has no token ${id}`);
      await metadata.deleteAccessToken(id, event('token.revoke', owner, { id, name: token.name }));
    },

    async createTeam(name) {
      requireName(name);
      if (!(await metadata.createTeam(name, event('team.create', name)))) {
        throw new AdministrationError('taken', `${name} exists already`);
      }
    },

    async deleteTeam(name) {
      await metadata.deleteTeam(await teamNamed(name), event('team.delete', name));
    },

    async addMember(team, account) {
      const teamId = await teamNamed(team);
      await metadata.addMember(teamId, (await accountNamed(account)).id, event('team.join', team, { account }));
    },

    async removeMember(team, account) {
      const teamId = await teamNamed(team);
      await metadata.removeMember(teamId, (await accountNamed(account)).id, event('team.leave', team, { account }));
    },

    async grant(subjectText, patternText, actionsText) {
      const { pattern, actions } = requireGrant(`${patternText}:${actionsText}`);
      const detail = { pattern: pattern.text, actions: actions.join(',') };
      return metadata.putGrant({ subject: await subjectOf(subjectText), ...detail }, event('grant.put', subjectText, detail));
    },

    async revokeGrant(id) {
      const found = await metadata.findGrant(id);
      if (!found) throw new AdministrationError('unknown', `there is no grant ${id}`);
      const { subject, pattern, actions } = found;
      await metadata.deleteGrant(id, event('grant.delete', subject, { pattern, actions }));
    },

    async setPublic(patternText, isPublic) {
      const pattern = requirePattern(patternText);
      if (isPublic === undefined) await metadata.clearVisibility(pattern.text, event('visibility.clear', pattern.text));
      else {
        const action = isPublic ? 'visibility.public' : 'visibility.private';
        await metadata.setVisibility(pattern.text, isPublic, pattern.kind !== 'name', event(action, pattern.text));
      }
    },
  };
}

/** What a person may see of a token. */
export type ShownToken = Omit<AccessTokenRecord, 'accountId' | 'scopes'> & { readonly scopes: readonly string[] | null };

export function showToken(record: AccessTokenRecord): ShownToken {
  const { id, kind, name, scopes, createdAt, expiresAt, lastUsedAt } = record;
  const confined = scopes === null ? null : (JSON.parse(scopes) as string[]);
  return { id, kind, name, scopes: confined, createdAt, expiresAt, lastUsedAt };
}

function requireName(name: string): void {
  if (!isAccountName(name)) {
    throw new AdministrationError('invalid', `${name} is no name: letters, digits and . _ @ + - between them, at most 128`);
  }
}

function requirePassword(password: string): string {
  if (!isPassword(password)) throw new AdministrationError('invalid', 'a password has 1 to 1024 bytes');
  return password;
}

function requirePattern(text: string): Pattern {
  const pattern = parsePattern(text);
  if (!pattern) throw new AdministrationError('invalid', `${text} is no repository pattern: NAME, PREFIX/* or PREFIX/**`);
  return pattern;
}

function requireGrant(text: string): Grant {
  const grant = parseGrant(text);
  if (!grant) {
    throw new AdministrationError(
      'invalid',
      `${text} is not PATTERN:ACTIONS, as in team-a/*:pull,push (pull, add, push, delete, admin)`,
    );
  }
  return grant;
}

function lastAdmin(name: string): AdministrationError {
  return new AdministrationError('refused', `${name} is the last admin: nobody could let others in`);
}
