import { anonymousPrincipal } from '../access/permissions/principal.ts';
import type { AccessControl } from '../http/auth/access-control.ts';
import { createViews } from '../http/overviews/views.ts';
import type { PublicUrl } from '../http/server/public-url.ts';
import { createRouter } from '../http/server/router.ts';
import type { Extension } from '../http/web.ts';
import type { GuardServices } from './guard.ts';

export interface OpenApiParts {
  readonly access: Pick<AccessControl, 'allows' | 'seesAll' | 'visibilities' | 'visible'>;
  readonly services: GuardServices;
  readonly publicUrl: PublicUrl;
}

/** Makes the API of mode open. Its first request loads it: a mirror may never need it. */
export function openApi({ access, services, publicUrl }: OpenApiParts): Extension {
  const load = async () => {
    const { createApiRouter } = await import('../http/api/router.ts');
    const { createOpenPermissions } = await import('../http/api/table/open-permissions.ts');
    // Asked at each request: a reload may give an upstream `passThrough`.
    const permissions = createOpenPermissions({ hidesContent: () => access.visible(anonymousPrincipal, '') !== undefined });
    return createApiRouter({
      ...services,
      ...createViews(services, access),
      accounts: undefined,
      permissions,
      publicUrl,
      allows: access.allows,
    });
  };
  let loaded: ReturnType<typeof load> | undefined;
  const router = createRouter();
  router.use(async (request, response, next) => {
    (await (loaded ??= load()))(request, response, next);
  });
  return { path: '/api/v1', router };
}
