import { randomUUID } from 'node:crypto';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import type { RightsVersion } from '../permissions/rights-version.ts';
import type { Identity } from '../permissions/identity.ts';
import type { Principal } from '../permissions/principal.ts';
import { AuthenticationError } from '../credentials/authentication-error.ts';
import type { Permissions } from '../accounts/permissions.ts';
import { generateSecret, hashSecret, secretKind } from '../credentials/secret.ts';

/** Logins of the web page. The browser keeps the secret of its session, berth only a hash. */
export interface Sessions {
  /** Opens a session for a user who logged in by password or provider. Throws `AuthenticationError` for other identities. */
  open(identity: Identity, client: SessionClient): Promise<Session>;
  /** Returns the user of a session; undefined if it has ended or never existed. */
  find(secret: string | undefined): Promise<Principal | undefined>;
  /** Returns the id by which the session can be revoked; undefined if it has ended or never existed. */
  idOf(secret: string | undefined): Promise<string | undefined>;
  /** Ends a session in all processes. Does nothing for other secrets. */
  close(secret: string | undefined, address: string): Promise<void>;
}

/** Where a session is opened: its user recognizes it by this. */
export interface SessionClient {
  readonly address: string;
  /** The kind of browser, such as `Firefox`; undefined: unknown. */
  readonly browser?: string | undefined;
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
/** Per account; beyond it, the oldest end. */
const maxSessions = 20;

export function createSessions({ metadata, permissions, rightsVersion, now }: SessionsOptions): Sessions {
  async function recordOf(secret: string | undefined) {
    if (secret === undefined || secretKind(secret) !== 'session') return undefined;
    const record = await metadata.tokens.findByHash(hashSecret(secret));
    return record?.kind === 'session' ? record : undefined;
  }

  return {
    async open(identity, { address, browser = 'web page' }) {
      const principal = await permissions.permissionsFor(identity);
      // Access tokens open no session: it could create tokens that outlive them.
      if (identity.kind !== 'account' || identity.tokenId !== undefined || principal?.kind !== 'user') {
        throw new AuthenticationError('credentials');
      }
      const { accountId } = identity;
      const secret = generateSecret('session');
      const token = {
        id: randomUUID(),
        kind: 'session',
        accountId,
        name: `${browser}, ${address}`,
        secretHash: hashSecret(secret),
      } as const;
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

    idOf: async (secret) => (await recordOf(secret))?.id,

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
