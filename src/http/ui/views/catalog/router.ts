import type { Request, Router } from 'express';
import type { Principal } from '../../../../access/permissions/principal.ts';
import type { OperationReport } from '../../../overviews/operation-report.ts';
import type { Catalog } from '../../../catalog.ts';
import type { PublicUrl } from '../../../server/public-url.ts';
import { type AsVisitor, queryOf } from '../../session/visitors.ts';
import { sendPage } from '../../shell/page.ts';
import { pathOf } from '../../shell/local-path.ts';
import { preferencesOf, textsOf } from '../../shell/preferences.ts';
import { redirect } from '../../shell/redirect.ts';
import { showHome } from './home.ts';
import { showRepositories } from './repositories.ts';
import { showSearch } from './search.ts';
import type { CatalogVisit } from './visit.ts';

export interface CatalogViewsOptions {
  readonly catalog: Catalog;
  readonly services: { readonly operation: OperationReport };
  /** True if the visitor may read about the installation. */
  readonly readsOperation: (visitor: Principal) => boolean;
  readonly publicUrl: PublicUrl;
  readonly asVisitor: AsVisitor;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Adds the start (`/ui`), the search and the list of repositories. Each shows only what the visitor may pull. */
export function addCatalog(router: Router, options: CatalogViewsOptions): void {
  const { catalog, publicUrl, services, readsOperation, asVisitor, now } = options;
  const toVisit = (visitor: Principal, request: Request): CatalogVisit => ({
    catalog,
    installation: readsOperation(visitor) ? services.operation.overview : undefined,
    visitor,
    query: queryOf(request),
    texts: textsOf(request),
    language: preferencesOf(request).language,
    now: now(),
    hasStars: visitor.kind === 'user',
    path: pathOf(request),
    host: new URL(publicUrl.base(request)).host,
  });

  router.get(
    '/',
    asVisitor(async (visitor, request, response) => {
      const visit = toVisit(visitor, request);
      // The address of earlier versions.
      if (visit.query.has('prefix')) {
        redirect(response, `/ui/repositories?${visit.query.toString()}`);
        return;
      }
      const content = await showHome(visit);
      sendPage(response, 200, { title: visit.texts.home.title, user: visitor.name, current: 'repositories', content });
    }),
  );
  router.get(
    '/search',
    asVisitor(async (visitor, request, response) => {
      const visit = toVisit(visitor, request);
      const content = await showSearch(visit);
      if ('target' in content) redirect(response, content.target);
      else {
        const { title } = visit.texts.search;
        sendPage(response, 200, { title, user: visitor.name, current: 'repositories', content });
      }
    }),
  );
  router.get(
    '/repositories',
    asVisitor(async (visitor, request, response) => {
      const visit = toVisit(visitor, request);
      const content = await showRepositories(visit);
      const { title } = visit.texts.repositories;
      sendPage(response, 200, { title, user: visitor.name, current: 'repositories', content });
    }),
  );
}
