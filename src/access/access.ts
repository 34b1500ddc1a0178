import type { MetadataStore } from '../../storage/metadata/store.ts';
import type { Audit } from './accounts/audit.ts';
import { type Authenticator, createAuthenticator } from './authenticator.ts';
import { createBearerTokens } from './tokens/bearer.ts';
import { type RightsVersion, createRightsVersion } from './permissions/rights-version.ts';
import { type Logins, createLogins } from './login/logins.ts';
import { type Permissions, createPermissions } from './accounts/permissions.ts';
import { type Sessions, createSessions } from './login/sessions.ts';
import { type SigningKeys, createSigningKeys } from './tokens/signing-keys.ts';
import { createThrottle } from './credentials/throttle.ts';
import { createWorkloadAuthenticator } from './federation/workload-authenticator.ts';
import type { WorkloadRule } from './federation/workload-rule.ts';
import { type TokenServer, createTokenServer } from './tokens/token-server.ts';

/** The services of mode token: authentication, permissions and tokens. */
export interface Access {
  readonly rightsVersion: RightsVersion;
  readonly permissions: Permissions;
  readonly logins: Logins;
  readonly sessions: Sessions;
  readonly authenticator: Authenticator;
  readonly tokenServer: TokenServer;
  readonly signingKeys: SigningKeys;
}

export interface AccessOptions {
  readonly metadata: MetadataStore;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly tokenSeconds: number;
  readonly anonymousPullsPublic: boolean;
  readonly audit: Pick<Audit, 'record' | 'recordLogin'>;
  /** First path components of repositories that no user owns. */
  readonly reservedNames: ReadonlySet<string>;
  /** CI providers whose tokens are accepted. */
  readonly workloadRules: readonly WorkloadRule[];
}

export function createAccess(options: AccessOptions): Access {
  const { metadata, now, tokenSeconds, audit, workloadRules } = options;
  const rightsVersion = createRightsVersion(metadata, now);
  const permissions = createPermissions({ ...options, rightsVersion });
  const signingKeys = createSigningKeys({ metadata, rightsVersion, now, tokenMilliseconds: tokenSeconds * 1000 });
  const bearerTokens = createBearerTokens({ keys: signingKeys, now, lifetimeSeconds: tokenSeconds });
  const throttle = createThrottle(now);
  const logins = createLogins({
    metadata,
    permissions,
    throttle,
    now,
    audit,
    authenticateWorkload: createWorkloadAuthenticator(workloadRules, now),
  });
  const authenticator = createAuthenticator({ bearerTokens, logins, permissions, audit });
  const tokenServer = createTokenServer({ metadata, permissions, bearerTokens, now });
  const sessions = createSessions({ metadata, permissions, rightsVersion, now });
  return { rightsVersion, permissions, logins, sessions, authenticator, tokenServer, signingKeys };
}
