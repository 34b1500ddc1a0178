import { randomUUID } from 'node:crypto';
import type { CreatedAccount } from '../../../storage/metadata/queries/namespaces.ts';
import type { AccountRecord } from '../../../storage/metadata/queries/accounts.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import type { Administration, IssuedSecret, NewToken } from './administration.ts';
import { AdministrationError } from './administration-error.ts';
import { isoTime } from './time.ts';
import type { ChangeContext } from './change-context.ts';
import { formatGrant } from '../permissions/grants.ts';
import { parseHtpasswd } from './htpasswd.ts';
import { canOwnNamespace, describeNamespace } from './namespace.ts';
import { hashPassword } from '../credentials/password.ts';
import { generateSecret, hashSecret } from '../credentials/secret.ts';
import { requireExpiry, requireGrants, requireName, requirePassword, requireTokenName } from './validation.ts';

type AccountChanges = Pick<
  Administration,
  | 'createUser'
  | 'setPassword'
  | 'setDisabled'
  | 'setAdmin'
  | 'deleteAccount'
  | 'importHtpasswd'
  | 'releaseNamespace'
  | 'createRobot'
  | 'setExpiry'
  | 'createToken'
  | 'revokeToken'
>;

type NewAccount = Parameters<MetadataStore['accounts']['create']>[0];

/** Changes of users, robots and their secrets. `reserved`: namespaces that no user owns. */
export function createAccountChanges(context: ChangeContext, reserved: ReadonlySet<string>): AccountChanges {
  const { metadata, event, accountNamed } = context;

  async function userNamed(name: string): Promise<AccountRecord> {
    const account = await metadata.accounts.findByName(name);
    if (account?.kind !== 'user') throw new AdministrationError('unknown', `there is no user ${name}`);
    return account;
  }

  function newUser(name: string, passwordHash: string, isAdmin: boolean): NewAccount {
    return { kind: 'user', name, passwordHash, isAdmin, expiresAt: null, wantsNamespace: canOwnNamespace(name, reserved) };
  }

  async function insertAccount(account: NewAccount, action: string): Promise<CreatedAccount> {
    const created = await metadata.accounts.create(account, event(action, account.name));
    if (!created) throw new AdministrationError('taken', `${account.name} exists already`, 'name');
    return created;
  }

  return {
    async createUser({ name, password, isAdmin }) {
      requireName(name);
      const passwordHash = await hashPassword(requirePassword(password));
      const { obstacle } = await insertAccount(newUser(name, passwordHash, isAdmin), 'user.create');
      return describeNamespace(name, reserved, obstacle);
    },

    async setPassword(name, password) {
      const { id } = await userNamed(name);
      await metadata.accounts.setPassword(id, await hashPassword(requirePassword(password)), event('user.password', name));
    },

    async setDisabled(name, isDisabled) {
      const { id } = await accountNamed(name);
      const action = isDisabled ? 'account.disable' : 'account.enable';
      if (!(await metadata.accounts.setDisabled(id, isDisabled, event(action, name)))) throw lastAdmin(name);
    },

    async setAdmin(name, isAdmin) {
      const { id } = await userNamed(name);
      const action = isAdmin ? 'user.promote' : 'user.demote';
      if (!(await metadata.accounts.setAdmin(id, isAdmin, event(action, name)))) throw lastAdmin(name);
    },

    async deleteAccount(name) {
      const { id } = await accountNamed(name);
      if (!(await metadata.accounts.remove(id, event('account.delete', name)))) throw lastAdmin(name);
    },

    async importHtpasswd(text) {
      const { entries, errors } = parseHtpasswd(text);
      if (errors.length > 0) throw new AdministrationError('invalid', errors.join('; '));
      const created: string[] = [];
      const notes: string[] = [];
      for (const { name, hash } of entries) {
        const account = await metadata.accounts.create(newUser(name, hash, false), event('user.import', name));
        if (!account) continue;
        created.push(name);
        const { note } = describeNamespace(name, reserved, account.obstacle);
        if (note !== undefined) notes.push(note);
      }
      return { created, notes };
    },

    async releaseNamespace(name) {
      if (!canOwnNamespace(name, reserved)) throw new AdministrationError('refused', `no user can own ${name}/**`);
      const released = await metadata.namespaces.release(name, event('namespace.release', name));
      if (!released) throw new AdministrationError('refused', `the user ${name} owns ${name}/** already`);
      if (!released.wasRemembered && !released.account) {
        throw new AdministrationError('unknown', `no deleted account was called ${name}`);
      }
      return released.account ? describeNamespace(name, reserved, released.account.obstacle) : {};
    },

    ...createSecretChanges(context, insertAccount),
  };
}

/** Changes of robots' secrets and access tokens. */
function createSecretChanges(
  { metadata, now, event, accountNamed }: ChangeContext,
  insertAccount: (account: NewAccount, action: string) => Promise<CreatedAccount>,
): Pick<Administration, 'createRobot' | 'setExpiry' | 'createToken' | 'revokeToken'> {
  async function addSecret(
    kind: 'personal' | 'robot',
    account: { readonly id: number; readonly name: string },
    { name, scopes, expiresAt }: Omit<NewToken, 'account'>,
  ): Promise<IssuedSecret> {
    const secret = generateSecret(kind);
    const id = randomUUID();
    await metadata.tokens.create(
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

  return {
    async createRobot({ name, grants, expiresAt }) {
      requireName(name);
      requireExpiry(expiresAt, now());
      const parsed = requireGrants(grants);
      const { id } = await insertAccount(
        { kind: 'robot', name, passwordHash: null, isAdmin: false, expiresAt: expiresAt ?? null, wantsNamespace: false },
        'robot.create',
      );
      for (const { pattern, actions } of parsed) {
        const grant = { subject: `account:${id}`, pattern: pattern.text, actions: actions.join(',') };
        await metadata.grants.put(grant, event('grant.put', `robot:${name}`, grant));
      }
      return addSecret('robot', { id, name }, { name, expiresAt });
    },

    async setExpiry(name, expiresAt) {
      requireExpiry(expiresAt, now());
      const account = await metadata.accounts.findByName(name);
      if (account?.kind !== 'robot') throw new AdministrationError('unknown', `there is no robot ${name}`);
      const detail = { expiresAt: expiresAt === undefined ? 'never' : isoTime(expiresAt) };
      await metadata.accounts.setExpiry(account.id, expiresAt ?? null, event('robot.expiry', name, detail));
    },

    async createToken({ account: owner, name, scopes, expiresAt }) {
      requireTokenName(name);
      requireExpiry(expiresAt, now());
      const checked = scopes && requireGrants(scopes).map(formatGrant);
      const account = await accountNamed(owner);
      return addSecret(account.kind === 'robot' ? 'robot' : 'personal', account, { name, scopes: checked, expiresAt });
    },

    async revokeToken(owner, id) {
      const [account, token] = [await accountNamed(owner), await metadata.tokens.find(id)];
      if (token?.accountId !== account.id) throw new AdministrationError('unknown', `${owner} has no token ${id}`);
      await metadata.tokens.remove(id, event('token.revoke', owner, { id, name: token.name }));
    },
  };
}

function lastAdmin(name: string): AdministrationError {
  return new AdministrationError('refused', `${name} is the last admin: make another account an admin first`);
}
