import { randomUUID } from 'node:crypto';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import type { RightsVersion } from '../permissions/rights-version.ts';
import type { Identity } from '../permissions/identity.ts';
import type { Principal } from '../permissions/principal.ts';
import { AuthenticationError } from '../credentials/authentication-error.ts';
import type { Permissions } from '../accounts/permissions.ts';
import { generateSecret, hashSecret, secretKind } from '../credentials/secret.ts';

/** Logins of the web page. A session is a secret that its browser keeps; here lies only its hash. */
export interface Sessions {
  /** Opens one for who has just shown a password, or its provider's word. Throws `Refused` for everybody else. */
  open(identity: Identity, address: string): Promise<Session>;
  /** Who holds the secret; undefined where the session is over, or never was. */
  find(secret: string | undefined): Promise<Principal | undefined>;
  /** Ends it, everywhere. Does nothing for what is none. */
  close(secret: string | undefined, address: string): Promise<void>;
}

export interface Session {
  readonly secret: string;
  readonly lifetimeSeconds: number;
}

export interface SessionsOptions {
  readonly metadata: MetadataStore;
  readonly permissions: Permissions;
  readonly rightsVersion: RightsVersion;
  readonly now: () => number;
}

const lifetimeSeconds = 12 * 3600;
/** Of one account: the oldest give way. */
const maxSessions = 20;

export function createSessions({ metadata, permissions, rightsVersion, now }: SessionsOptions): Sessions {
  async function recordOf(secret: string | undefined) {
    if (secret === undefined || secretKind(secret) !== 'session') return undefined;
    const record = await metadata.tokens.findByHash(hashSecret(secret));
    return record?.kind === 'session' ? record : undefined;
  }

  return {
    async open(identity, address) {
      const principal = await permissions.permissionsFor(identity);
      // An access token opens none: a session may make tokens that outlive it.
      if (identity.kind !== 'account' || identity.tokenId !== undefined || principal?.kind !== 'user') {
        throw new AuthenticationError('credentials');
      }
      const { accountId } = identity;
      const secret = generateSecret('session');
      const token = { id: randomUUID(), kind: 'session', accountId, name: 'web page', secretHash: hashSecret(secret) } as const;
      const event = { actor: principal.name, address, action: 'session.open', target: principal.name, result: 'done' } as const;
      const at = now();
      await metadata.tokens.create({ ...token, scopes: null, expiresAt: at + lifetimeSeconds * 1000 }, { at, ...event });
      await metadata.tokens.trim(accountId, 'session', maxSessions);
      return { secret, lifetimeSeconds };
    },

    async find(secret) {
      const record = await recordOf(secret);
      const account = record && (await metadata.accounts.find(record.accountId));
      if (!record || !account) return undefined;
      const { id: accountId, generation } = account;
      return permissions.permissionsFor({ kind: 'account', accountId, generation, tokenId: record.id });
    },

    async close(secret, address) {
      const record = await recordOf(secret);
      const account = record && (await metadata.accounts.find(record.accountId));
      if (!record || !account) return;
      const { name } = account;
      const event = { at: now(), actor: name, address, action: 'session.close', target: name, result: 'done' } as const;
      await metadata.tokens.remove(record.id, event);
      rightsVersion.invalidate();
    },
  };
}
