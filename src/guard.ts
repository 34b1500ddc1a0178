import type { Config } from '../config/schema.ts';
import type { MetadataStore } from '../storage/metadata/store.ts';
import { createAccess } from './access/access.ts';
import { ensureAdmin } from './access/first-admin.ts';
import type { AccessControl } from './http/access.ts';
import { createOrigin } from './http/origin.ts';
import { createTokenAccess } from './http/token-access.ts';
import { createTokenRouter } from './http/token/router.ts';
import type { Extension } from './http/web.ts';

/** What stands between clients and the registry, other than in mode open. */
export interface Guard {
  readonly control: AccessControl;
  readonly extensions: readonly Extension[];
  /** Of the admin that was created now, where it was generated. */
  readonly generatedPassword: string | undefined;
}

/** `now` in milliseconds. */
export async function createGuard(config: Config, metadata: MetadataStore, now: () => number): Promise<Guard> {
  const { admin, anonymousPull, tokenLifetime } = config.access;
  const { created, password } = await ensureAdmin(metadata, admin, now());
  const access = createAccess({ metadata, now, tokenSeconds: tokenLifetime, anonymousPullsPublic: anonymousPull === 'public' });
  const origin = createOrigin(config);
  return {
    control: createTokenAccess({ ...access, metadata, origin, realm: (request) => `${origin.base(request)}/token` }),
    extensions: [{ path: '/token', router: createTokenRouter({ ...access, origin }) }],
    generatedPassword: created && admin.password === undefined ? password : undefined,
  };
}
