import type { Config } from '../config/schema.ts';
import type { MetadataStore } from '../storage/metadata/store.ts';
import { createAccess } from './access/access.ts';
import { createAudit, type Audit } from './access/audit.ts';
import { ensureAdmin } from './access/first-admin.ts';
import type { AccessControl } from './http/access.ts';
import { createApiRouter } from './http/api/router.ts';
import { createJwksRouter } from './http/jwks.ts';
import { createOrigin } from './http/origin.ts';
import { createTokenAccess } from './http/token-access.ts';
import { createTokenRouter } from './http/token/router.ts';
import type { Extension } from './http/web.ts';
import type { Log } from './observability/log.ts';

/** What stands between clients and the registry, other than in mode open. */
export interface Guard {
  readonly control: AccessControl;
  readonly audit: Audit;
  readonly extensions: readonly Extension[];
  /** Of the admin that was created now, where it was generated. */
  readonly generatedPassword: string | undefined;
  /** Drops what is over: expired secrets, old lines of the audit log. */
  tidy(): Promise<void>;
}

/** `now` in milliseconds. */
export async function createGuard(config: Config, metadata: MetadataStore, now: () => number, log: Log): Promise<Guard> {
  const { admin, anonymousPull, auditKeep, tokenLifetime } = config.access;
  const { created, password } = await ensureAdmin(metadata, admin, now());
  const audit = createAudit(metadata, now, (error) => log.error({ err: error }, 'lines of the audit log are lost'));
  const access = createAccess({
    metadata,
    now,
    audit,
    tokenSeconds: tokenLifetime,
    anonymousPullsPublic: anonymousPull === 'public',
  });
  const origin = createOrigin(config);
  const api = createApiRouter({ ...access, metadata, origin, now, changed: access.epoch.expire });
  return {
    control: createTokenAccess({ ...access, metadata, origin, audit, realm: (request) => `${origin.base(request)}/token` }),
    audit,
    extensions: [
      { path: '/token', router: createTokenRouter({ ...access, origin }) },
      { path: '/api/v1', router: api },
      { path: '/.well-known/jwks.json', router: createJwksRouter(access.signingKeys) },
    ],
    generatedPassword: created && admin.password === undefined ? password : undefined,
    async tidy() {
      await metadata.pruneAccessTokens(now());
      await metadata.pruneAudit(now() - auditKeep * 1000);
    },
  };
}
