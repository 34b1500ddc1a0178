import type { Actor } from '../access/accounts/administration.ts';
import { createAdministration } from '../access/accounts/create-administration.ts';
import { createDirectory } from '../access/accounts/directory.ts';
import { createExplainer } from '../access/accounts/explain.ts';
import type { Config } from '../../config/schema.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import { createAccess } from '../access/access.ts';
import { type Audit, createAudit } from '../access/accounts/audit.ts';
import { createExternalAuthenticator } from '../access/external-authenticator.ts';
import { ensureAdmin } from '../access/accounts/first-admin.ts';
import { jwksAt } from '../access/federation/discovery.ts';
import type { TrustedCertificates } from '../access/federation/trusted-certificates.ts';
import { createOidcClient } from '../access/federation/oidc.ts';
import { createOidcLogins } from '../access/login/oidc-logins.ts';
import { privateByDefault } from '../access/permissions/visibility.ts';
import type { AccessControl } from '../http/auth/access-control.ts';
import { type ViewServices, createViews } from '../http/overviews/views.ts';
import { loginPermissions } from '../http/api/table/permissions.ts';
import type { ApiServices } from '../http/api/table/route.ts';
import { createApiRouter } from '../http/api/router.ts';
import { createJwksRouter } from '../http/system/jwks.ts';
import { createPublicUrl } from '../http/server/public-url.ts';
import { createTokenAccess } from '../http/auth/token-access.ts';
import { createTokenRouter } from '../http/token/router.ts';
import type { RateLimits } from '../http/server/rate-limits.ts';
import { createBrowsers } from '../http/ui/session/browsers.ts';
import type { OidcEntrance } from '../http/ui/session/login.ts';
import { createUserOfScripts } from '../http/ui/session/scripts.ts';
import type { PageLogins } from '../http/ui/router.ts';
import type { Extension } from '../http/web.ts';
import type { UpstreamVisibility } from '../mirror/visibility/upstream-visibility.ts';
import type { AccessMetrics } from '../observability/access-metrics.ts';
import type { Log } from '../observability/log.ts';
import { countLoginFailures } from './observability/counted-logins.ts';
import type { Reloadable } from './reload/reloader.ts';
import { readReservedNamespaces } from './reserved-namespaces.ts';
import { readTrustedCertificates, readWorkloadRules } from './federation-settings.ts';

/** Access control of the registry, and its routes. */
export interface Guard {
  readonly control: AccessControl;
  readonly audit: Audit;
  readonly extensions: readonly Extension[];
  readonly services: GuardServices;
  /** Logins of the web page; undefined in mode external. */
  readonly pageLogins: PageLogins | undefined;
  /** The password of the admin that this start created, if it was generated. */
  readonly generatedPassword: string | undefined;
  /** Takes new identities and certificates of other servers. */
  readonly reloadable: Reloadable;
  /** Deletes expired secrets. */
  tidy(): Promise<void>;
}

/** The services of the API, with what its views are made of. */
export type GuardServices = ApiServices & ViewServices & { readonly limits: RateLimits };

/**
 * Creates access control for the modes token and external. `now` in milliseconds. Rejects `ConfigError` for unusable
 * settings.
 */
export async function createGuard(
  config: Config,
  metadata: MetadataStore,
  upstreams: UpstreamVisibility,
  services: GuardServices,
  now: () => number,
  { log, metrics }: { readonly log: Log; readonly metrics: AccessMetrics },
): Promise<Guard> {
  const { mode } = config.access;
  const failed = (error: unknown) =>
    log.error({ err: error }, 'the audit log could not be written: refusals are lost, logins are tried again');
  const audit = countLoginFailures(createAudit(metadata, now, failed), metrics);
  const parts = { config, metadata, upstreams, services, now, audit };
  return {
    audit,
    services,
    ...(mode === 'token' ? await createTokenGuard(parts) : createExternalGuard(parts)),
    tidy: () => metadata.tokens.prune(now()),
  };
}

interface GuardParts {
  readonly config: Config;
  readonly metadata: MetadataStore;
  readonly upstreams: UpstreamVisibility;
  readonly services: GuardServices;
  readonly now: () => number;
  readonly audit: Audit;
}

type GuardOfMode = Pick<Guard, 'reloadable' | 'control' | 'extensions' | 'pageLogins' | 'generatedPassword'>;

async function createTokenGuard(parts: GuardParts): Promise<GuardOfMode> {
  const { config, metadata, upstreams, services, now, audit } = parts;
  const { admin, anonymousPull, tokenLifetime } = config.access;
  const reserved = new Set(readReservedNamespaces(config));
  // A reload replaces the reserved names and the rules in place.
  const workloadRules = [...readWorkloadRules(config)];
  const rules = {
    anonymousPullsPublic: anonymousPull === 'public',
    reservedNames: reserved,
    workloadRules,
  };
  const access = createAccess({ ...rules, metadata, now, audit, tokenSeconds: tokenLifetime });
  const { created, password } = await ensureAdmin(metadata, admin, now(), reserved);
  const publicUrl = createPublicUrl(config);
  const administrationPorts = {
    directory: createDirectory(metadata),
    explainer: createExplainer({ ...rules, metadata, now, isShownByUpstream: upstreams.isKnownPublic }),
    administration: (actor: Actor) => createAdministration(metadata, actor, now, reserved),
    changed: access.rightsVersion.invalidate,
  };
  const place = (request: Parameters<typeof publicUrl.base>[0]) => ({
    realm: `${publicUrl.base(request)}/token`,
    service: 'berth',
  });
  const control = createTokenAccess({ ...access, metadata, upstreams, publicUrl, audit, place });
  const views = createViews(services, control);
  const userOfScripts = createUserOfScripts(publicUrl, createBrowsers(publicUrl, access.sessions));
  const accounts = { ...access, ...administrationPorts, audit, userOfScripts };
  const api = { ...services, ...views, accounts, publicUrl, permissions: loginPermissions, allows: control.allows };
  return {
    control,
    extensions: [
      { path: '/token', router: createTokenRouter({ ...access, publicUrl, limits: services.limits }) },
      { path: '/api/v1', router: createApiRouter(api) },
      { path: '/.well-known/jwks.json', router: createJwksRouter(access.signingKeys) },
    ],
    pageLogins: {
      ...access,
      ...administrationPorts,
      publicUrl,
      limits: services.limits,
      now,
      oidc: createOidcEntrance(parts, reserved),
    },
    reloadable: {
      keys: ['access.identities'],
      prepare(next) {
        const read = readWorkloadRules(next);
        const names = readReservedNamespaces(next);
        return () => {
          workloadRules.splice(0, workloadRules.length, ...read);
          reserved.clear();
          for (const name of names) reserved.add(name);
          access.rightsVersion.invalidate();
        };
      },
    },
    generatedPassword: created && admin.password === undefined ? password : undefined,
  };
}

function createOidcEntrance(
  { config, metadata, now, audit }: GuardParts,
  reservedNames: ReadonlySet<string>,
): OidcEntrance | undefined {
  const { issuer, createUsers, label, ...settings } = config.access.oidc;
  if (issuer === undefined) return undefined;
  return {
    client: createOidcClient({ issuer, ...settings }, now),
    logins: createOidcLogins({ metadata, audit, now, issuer, createUsers, reservedNames }),
    label,
  };
}

function createExternalGuard({ config, metadata, upstreams, now, audit }: GuardParts): GuardOfMode {
  const { realm = '', service, issuer = '', jwksUrl } = config.access.external;
  let certificates = readTrustedCertificates(config);
  const trusted: TrustedCertificates = {
    byKid: (kid) => certificates?.byKid(kid),
    byChain: (chain, at) => certificates?.byChain(chain, at),
  };
  const authenticator = createExternalAuthenticator({
    issuer,
    service,
    certificates: certificates && trusted,
    keys: jwksUrl === undefined ? undefined : jwksAt(jwksUrl, now),
    now,
  });
  const publicUrl = createPublicUrl(config);
  const place = () => ({ realm, service });
  return {
    control: createTokenAccess({ authenticator, permissions: privateByDefault, metadata, upstreams, publicUrl, audit, place }),
    extensions: [],
    pageLogins: undefined,
    reloadable: {
      // The file is read again; where there was none, a restart is needed.
      keys: certificates ? ['access.external.certificates'] : [],
      prepare(next) {
        const read = readTrustedCertificates(next);
        return () => void (certificates = read);
      },
    },
    generatedPassword: undefined,
  };
}
