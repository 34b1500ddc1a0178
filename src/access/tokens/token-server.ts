import { randomUUID } from 'node:crypto';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { permits } from '../permissions/authorize.ts';
import type { BearerTokens, IssuedBearer } from './bearer.ts';
import type { Identity } from '../permissions/identity.ts';
import { type Principal, scopeActions } from '../permissions/principal.ts';
import { AuthenticationError } from '../credentials/authentication-error.ts';
import type { Permissions } from '../accounts/permissions.ts';
import type { Scope } from '../permissions/scope.ts';
import { generateSecret, hashSecret } from '../credentials/secret.ts';

/** Issues bearer tokens (Distribution project, "Token Authentication Specification"). */
export interface TokenServer {
  /** Issues a token for the part of `scopes` that the identity is permitted, which may be empty. Throws `AuthenticationError`. */
  issue(identity: Identity, scopes: readonly Scope[]): Promise<IssuedBearer & { readonly account: string }>;
  /**
   * Issues a durable secret that replaces the login until it is revoked or the password changes. Undefined if the client sent a
   * durable secret itself.
   */
  refreshToken(identity: Identity, client: string, address: string): Promise<string | undefined>;
}

export interface TokenServerOptions {
  readonly metadata: MetadataStore;
  readonly permissions: Permissions;
  readonly bearerTokens: BearerTokens;
  readonly now: () => number;
}

/** Clients send the token in a header with every request: further scopes are dropped. */
const maxAccessCharacters = 6000;
/** Per account: clients leave their old refresh tokens behind at every login. */
const maxRefreshTokens = 50;
const refreshMilliseconds = 90 * 24 * 3600 * 1000;

export function createTokenServer({ metadata, permissions, bearerTokens, now }: TokenServerOptions): TokenServer {
  return {
    async issue(identity, scopes) {
      const principal = await permissions.permissionsFor(identity);
      if (!principal) throw new AuthenticationError('credentials');
      const access: Scope[] = [];
      let characters = 0;
      for (const scope of scopes) {
        const granted = await grantable(principal, scope, permissions);
        characters += JSON.stringify(granted).length;
        if (granted.actions.length > 0 && characters <= maxAccessCharacters) access.push(granted);
      }
      return { ...(await bearerTokens.issue(principal.name, { identity, access })), account: principal.name };
    },

    async refreshToken(identity, client, address) {
      if (identity.kind !== 'account' || identity.tokenId !== undefined) return undefined;
      const { accountId } = identity;
      const account = await metadata.accounts.find(accountId);
      if (!account) return undefined;
      const at = now();
      const secret = generateSecret('refresh');
      const id = randomUUID();
      await metadata.tokens.create(
        {
          id,
          kind: 'refresh',
          accountId,
          name: client,
          secretHash: hashSecret(secret),
          scopes: null,
          expiresAt: at + refreshMilliseconds,
        },
        { at, actor: account.name, address, action: 'login', target: account.name, result: 'done' },
      );
      await metadata.tokens.trim(accountId, 'refresh', maxRefreshTokens);
      return secret;
    },
  };
}

/** Returns the part of the scope that the principal is permitted now. `*` stands for all permitted actions. */
async function grantable(principal: Principal, scope: Scope, permissions: Permissions): Promise<Scope> {
  const { type, name, actions } = scope;
  if (type === 'registry') return { type, name, actions: actions.includes('*') ? ['*'] : [] };
  const isPublic = await permissions.isPublic(name);
  const words = (['pull', 'push', 'delete'] as const).filter(
    (word) =>
      (actions.includes(word) || actions.includes('*')) &&
      scopeActions[word].some((action) => permits(principal, { action, repository: name, isPublic })),
  );
  return { type, name, actions: words };
}
