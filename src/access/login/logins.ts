import { createHmac, randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { AccessTokenRecord } from '../../../storage/metadata/queries/tokens.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import type { Audit, AuditNote } from '../accounts/audit.ts';
import { type Identity, anonymousIdentity } from '../permissions/identity.ts';
import { checkPassword, hashPassword, isPassword, dummyHash } from '../credentials/password.ts';
import { AuthenticationError } from '../credentials/authentication-error.ts';
import type { Permissions } from '../accounts/permissions.ts';
import { type SecretKind, hashSecret, secretKind } from '../credentials/secret.ts';
import type { Throttle } from '../credentials/throttle.ts';

/** Authenticates names with their secrets. */
export interface Logins {
  /**
   * Authenticates a name with a user's password or personal access token, a robot's secret or a CI job's token. Throws
   * `AuthenticationError` if it is wrong, expired or revoked. `address`: of the client.
   */
  login(name: string, secret: string, address: string): Promise<Identity>;
  /** Authenticates a refresh token. Throws `AuthenticationError`. */
  refresh(secret: string, address: string): Promise<Identity>;
}

export interface LoginsOptions {
  readonly metadata: MetadataStore;
  readonly permissions: Permissions;
  readonly throttle: Throttle;
  readonly now: () => number;
  readonly audit: Pick<Audit, 'record' | 'recordLogin'>;
  /**
   * Authenticates a CI provider's token; undefined for other texts. Throws `AuthenticationError` for one that matches no
   * rule.
   */
  readonly authenticateWorkload: (token: string) => Promise<Extract<Identity, { kind: 'workload' }> | undefined>;
}

interface PasswordLogin {
  readonly name: string;
  readonly password: string;
  readonly address: string;
}

/** How long a checked password is cached: clients that send it with every request pay for a keyed hash instead of scrypt. */
const verifiedMilliseconds = 10 * 60_000;
/** Precision of the last-used time of a secret. */
const touchMilliseconds = 60_000;
/** Least time between two audit lines of one secret in use. */
const auditMilliseconds = 3600_000;
const maxShownCharacters = 128;

export function createLogins({ metadata, permissions, throttle, now, audit, authenticateWorkload }: LoginsOptions): Logins {
  const key = randomBytes(32);
  /** Also holds the checks in progress: a client that sends many requests at once waits for one check. */
  const verifiedLogins = new LRUCache<string, Identity, PasswordLogin>({
    max: 10_000,
    ttl: verifiedMilliseconds,
    ignoreFetchAbort: true, // an eviction does not end a check
    fetchMethod: (_key, _known, { context }) => verifyPassword(context),
  });
  const recentlyTouched = new LRUCache<string, true>({ max: 10_000, ttl: touchMilliseconds });
  const recentlyAudited = new LRUCache<string, true>({ max: 10_000, ttl: auditMilliseconds });
  const loginKey = (...parts: readonly string[]) => createHmac('sha256', key).update(JSON.stringify(parts)).digest('base64');

  function noteOf(result: 'done' | 'refused', name: string, address: string, detail?: object): AuditNote {
    const shown = name.slice(0, maxShownCharacters);
    return { actor: shown, address, action: 'login', target: shown, result, detail: detail && JSON.stringify(detail) };
  }

  async function bySecret(kinds: readonly SecretKind[], secret: string): Promise<AccessTokenRecord> {
    const kind = secretKind(secret);
    const record = kind && kinds.includes(kind) ? await metadata.tokens.findByHash(hashSecret(secret)) : undefined;
    if (!record || record.kind !== kind) throw new AuthenticationError('credentials');
    return record;
  }

  async function toIdentity({ id, accountId, kind }: AccessTokenRecord, address: string, name?: string): Promise<Identity> {
    const account = await metadata.accounts.find(accountId);
    if (!account || (name !== undefined && account.name !== name)) throw new AuthenticationError('credentials');
    const identity = { kind: 'account', accountId, generation: account.generation, tokenId: id } as const;
    await requireValid(identity);
    await recordUse(id, noteOf('done', account.name, address, { kind, tokenId: id }));
    return identity;
  }

  /** Records the use of a secret, and in the same write the login. Pulls continue while the store is read-only. */
  async function recordUse(id: string, note: AuditNote): Promise<void> {
    const login = recentlyAudited.has(id) ? undefined : note;
    if (!login && recentlyTouched.has(id)) return;
    recentlyTouched.set(id, true);
    recentlyAudited.set(id, true);
    const at = now();
    await metadata.tokens.touch(id, at, login && { ...login, at }).catch(() => login && audit.record(login));
  }

  async function requireValid(identity: Identity): Promise<void> {
    if (!(await permissions.permissionsFor(identity))) throw new AuthenticationError('credentials');
  }

  async function byWorkload(token: string, address: string): Promise<Identity | undefined> {
    const identity = await authenticateWorkload(token);
    if (!identity) return undefined;
    const { subject, rules } = identity;
    if (!recentlyAudited.has(subject)) {
      recentlyAudited.set(subject, true);
      await audit.recordLogin(noteOf('done', subject, address, { kind: 'workload', rules }));
    }
    return identity;
  }

  async function byPassword(name: string, password: string, address: string): Promise<Identity> {
    const cacheKey = loginKey(name, password, address);
    const known = verifiedLogins.get(cacheKey);
    const wait = throttle.waitSeconds(name, address, known !== undefined);
    if (wait > 0) throw new AuthenticationError('throttled', wait);
    if (known && (await permissions.permissionsFor(known))) return known;
    return verifiedLogins.forceFetch(cacheKey, { context: { name, password, address }, forceRefresh: known !== undefined });
  }

  async function verifyPassword({ name, password, address }: PasswordLogin): Promise<Identity> {
    // Counted before the check, so that attempts at the same time all count.
    throttle.recordAttempt(name, address);
    const identity = await findPasswordIdentity(name, password).catch((error: unknown) => {
      throttle.withdrawAttempt(name, address);
      throw error;
    });
    if (!identity) throw new AuthenticationError('credentials');
    throttle.recordSuccess(name, address);
    await audit.recordLogin(noteOf('done', name, address));
    return identity;
  }

  /** Takes as long for a name that does not exist as for others. */
  async function findPasswordIdentity(name: string, password: string): Promise<Identity | undefined> {
    const account = isPassword(password) ? await metadata.accounts.findByName(name) : undefined;
    const stored = account?.kind === 'user' ? account.passwordHash : null;
    const { matches, outdated } = await checkPassword(password, stored ?? dummyHash, await metadata.accounts.largestBcryptCost());
    if (!account || stored === null || !matches) return undefined;
    const identity = { kind: 'account', accountId: account.id, generation: account.generation } as const;
    if (!(await permissions.permissionsFor(identity))) return undefined;
    if (outdated) await bestEffort(metadata.accounts.rehashPassword(account.id, stored, await hashPassword(password)));
    return identity;
  }

  /** Runs a login. Records a refusal in the audit log, with the form of the secret. */
  async function recordingRefusal(name: string, secret: string, address: string, login: () => Promise<Identity>) {
    try {
      return await login();
    } catch (error) {
      if (error instanceof AuthenticationError)
        audit.record({
          ...noteOf('refused', name, address, { kind: secretKind(secret) ?? 'password', ...reasonOf(error) }),
          isClaimed: true,
        });
      throw error;
    }
  }

  async function withSecret(name: string, secret: string, address: string): Promise<Identity> {
    const kind = secretKind(secret);
    if (kind === 'personal' || kind === 'robot') return toIdentity(await bySecret([kind], secret), address, name);
    return (await byWorkload(secret, address)) ?? byPassword(name, secret, address);
  }

  return {
    async login(name, secret, address) {
      if (name === '' && secret === '') return anonymousIdentity;
      // Not a password guess: docker sends an empty password with a search once it has a refresh token.
      if (secret === '') throw new AuthenticationError('credentials');
      return recordingRefusal(name, secret, address, () => withSecret(name, secret, address));
    },
    refresh: (secret, address) =>
      recordingRefusal('', secret, address, async () => toIdentity(await bySecret(['refresh'], secret), address)),
  };
}

function reasonOf({ reason }: AuthenticationError): object {
  return reason === 'credentials' ? {} : { reason };
}

/** Ignores the failure of a write that the login does not depend on: pulls continue while the store is read-only. */
function bestEffort(write: Promise<void>): Promise<void> {
  return write.catch(() => undefined);
}
