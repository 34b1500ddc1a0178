import type { MetadataStore } from '../../storage/metadata/store.ts';
import type { Audit } from './audit.ts';
import { type Authenticator, createAuthenticator } from './authenticator.ts';
import { createBearerTokens } from './bearer.ts';
import { type Epoch, createEpoch } from './epoch.ts';
import { type Logins, createLogins } from './logins.ts';
import { type Rights, createRights } from './rights.ts';
import { type Sessions, createSessions } from './sessions.ts';
import { type SigningKeys, createSigningKeys } from './signing-keys.ts';
import { createThrottle } from './throttle.ts';
import { createWorkloads } from './workload.ts';
import type { WorkloadRule } from './workload-rule.ts';
import { type TokenServer, createTokenServer } from './token-server.ts';

/** Everything that knows who may do what, in mode token. */
export interface Access {
  readonly epoch: Epoch;
  readonly rights: Rights;
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
  readonly audit: Pick<Audit, 'record'>;
  /** First path components of repositories that no user owns. */
  readonly reservedNames: ReadonlySet<string>;
  /** CI providers whose tokens are let in. */
  readonly workloadRules: readonly WorkloadRule[];
}

export function createAccess(options: AccessOptions): Access {
  const { metadata, now, tokenSeconds, audit, workloadRules } = options;
  const epoch = createEpoch(metadata, now);
  const rights = createRights({ ...options, epoch });
  const signingKeys = createSigningKeys({ metadata, epoch, now, tokenMilliseconds: tokenSeconds * 1000 });
  const bearerTokens = createBearerTokens({ keys: signingKeys, now, lifetimeSeconds: tokenSeconds });
  const throttle = createThrottle(now);
  const logins = createLogins({ metadata, rights, throttle, now, audit, workload: createWorkloads(workloadRules, now) });
  const authenticator = createAuthenticator({ bearerTokens, logins, rights, audit });
  const tokenServer = createTokenServer({ metadata, rights, bearerTokens, now });
  const sessions = createSessions({ metadata, rights, epoch, now });
  return { epoch, rights, logins, sessions, authenticator, tokenServer, signingKeys };
}
