import type { Config } from '../../config/schema.ts';
import type { AccessControl } from '../http/auth/access-control.ts';
import type { PublicUrl } from '../http/server/public-url.ts';
import { createFindAuthority } from '../http/system/authority.ts';
import { type MetricsRouterOptions, createMetricsRouter } from '../http/system/metrics.ts';
import { createMirrorConfigRouter } from '../http/system/mirror-config.ts';
import { type PageOptions, createPageRouter } from '../http/ui/router.ts';
import { createViews } from '../http/overviews/views.ts';
import { createSearchRouter } from '../http/v1/router.ts';
import { type Extension, createWeb } from '../http/web.ts';
import type { Mirror } from '../mirror/mirror.ts';
import { type ApiParts, openApiServices } from './api-services.ts';
import type { Guard, GuardServices } from './guard.ts';
import { openApi } from './open-api.ts';

export interface WebParts extends ApiParts {
  readonly mirror: Mirror;
  /** The metrics that a scrape gets. */
  readonly scraped: MetricsRouterOptions['metrics'];
  readonly guard: Guard | undefined;
  readonly access: AccessControl;
  readonly publicUrl: PublicUrl;
}

/** Makes everything outside of the registry protocol: search, metrics, the mirror's configuration, the API and the page. */
export function assembleWeb(config: Config, parts: WebParts): ReturnType<typeof createWeb> {
  const { mirror, scraped, guard, access, publicUrl } = parts;
  const { listen, token } = config.metrics;
  const services = guard?.services ?? openApiServices(config, parts);
  const findAuthority = createFindAuthority({ file: config.tls.authority, certificate: parts.certificate });
  const upstreams = {
    get upstreams() {
      return mirror.upstreams().map(({ name }) => name);
    },
    fallback: config.mirror.default,
    findAuthority,
  };
  return createWeb([
    { path: '/v1', router: createSearchRouter(services.search, access, mirror.search) },
    ...(listen ? [] : [{ path: '/metrics', router: createMetricsRouter({ metrics: scraped, token }) }]),
    { path: '/_mirror', router: createMirrorConfigRouter(upstreams, publicUrl) },
    ...(guard?.extensions ?? [openApi({ access, services, publicUrl })]),
    ...pageOf(parts, services, upstreams),
  ]);
}

/** The web page. Where another server knows people, there is none. */
function pageOf(parts: WebParts, services: GuardServices, mirror: PageOptions['mirror']): readonly Extension[] {
  const { registry, access, guard, publicUrl } = parts;
  if (guard && !guard.pageLogins) return [];
  const logins = guard?.pageLogins;
  const router = createPageRouter({
    ...createViews(services, access),
    registry,
    services,
    access,
    publicUrl,
    mirror,
    now: Date.now,
    logins,
  });
  return [{ path: '/ui', router }];
}
