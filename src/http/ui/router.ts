import type { Router } from 'express';
import type { Catalog } from '../catalog.ts';
import type { StorageView } from '../overviews/storage-view.ts';
import type { Registry } from '../../registry/registry.ts';
import type { Principal } from '../../access/permissions/principal.ts';
import { OciError } from '../../oci/errors.ts';
import type { AccessControl } from '../auth/access-control.ts';
import type { ApiServices } from '../api/table/route.ts';
import type { MirrorServices } from '../system/mirror-config.ts';
import { errorBoundary } from '../errors/boundary.ts';
import type { PublicUrl } from '../server/public-url.ts';
import { createRouter } from '../server/router.ts';
import { createBrowsers, isSecure, refuseForeignForms } from './session/browsers.ts';
import { type LoginOptions, addLogin } from './session/login.ts';
import { createAsAnybody, createAsVisitor, mayAdminister } from './session/visitors.ts';
import { assets } from './shell/assets.ts';
import { pageFormat } from './shell/error-page.ts';
import { readForm } from './shell/form.ts';
import { createNotices } from './shell/notice.ts';
import { addPreferences, textsOf } from './shell/preferences.ts';
import { type AccountOptions, addAccount } from './views/account/account.ts';
import { type TokensOptions, addTokens } from './views/account/tokens.ts';
import { addDiff } from './views/diff/diff.ts';
import { addApi } from './views/help/api.ts';
import { addHelp } from './views/help/help.ts';
import { imageActions } from './views/image/actions.ts';
import { addOpenAdmin } from './views/admin/open-mode.ts';
import { type AdminOptions, addAdmin } from './views/admin/router.ts';
import { addCatalog } from './views/catalog/router.ts';
import { addJobs } from './views/jobs/router.ts';
import { addRepository } from './views/repository/router.ts';
import { addMirror } from './views/mirror/router.ts';
import { addStorage } from './views/storage/router.ts';
import { addSetup } from './views/setup/router.ts';
import { addUpload } from './views/upload/router.ts';

/** The parts for logins and access tokens (mode token). */
export type PageLogins = Omit<
  LoginOptions & AccountOptions & TokensOptions & AdminOptions,
  'browsers' | 'asVisitor' | 'secrets' | 'notices' | 'operation'
>;

export interface PageOptions {
  readonly registry: Registry;
  readonly catalog: Catalog;
  readonly storage: StorageView;
  /** What the views show and do, the same as the API. */
  readonly services: ApiServices;
  readonly access: AccessControl;
  readonly mirror: MirrorServices;
  readonly publicUrl: PublicUrl;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Undefined in mode open: the page then shows the repositories to every visitor, and has no logins. */
  readonly logins: PageLogins | undefined;
}

/** Makes the router of `/ui`, the web page. Every view works without scripts. */
export function createPageRouter({ logins, ...options }: PageOptions): Router {
  const { publicUrl } = options;
  const router = createRouter();
  assets.addTo(router);
  router.use(refuseForeignForms(publicUrl), readForm);
  addPreferences(router);
  const browsers = logins && createBrowsers(publicUrl, logins.sessions);
  const readsOperation = (visitor: Principal) => (browsers ? mayAdminister(visitor) : options.access.seesAll(visitor));
  const visitors = { browsers, administers: readsOperation, mode: options.services.mode };
  const asVisitor = createAsVisitor(visitors);
  if (browsers) {
    addLogin(router, { ...logins, browsers });
    const secrets = createNotices('berth-secret', isSecure(publicUrl));
    addAccount(router, { ...logins, browsers, asVisitor, notices: secrets });
    addTokens(router, { ...logins, asVisitor, secrets });
    addAdmin(router, { ...logins, operation: options.services.operation, asVisitor, notices: secrets });
  }
  if (!browsers) addOpenAdmin(router, { ...options, operation: options.services.operation, asVisitor });
  const asAnybody = createAsAnybody(visitors);
  addHelp(router, { asAnybody });
  addApi(router, { asAnybody, hasAccounts: logins !== undefined });
  addCatalog(router, { ...options, readsOperation, asVisitor });
  const notices = createNotices('berth-notice', isSecure(publicUrl));
  addRepository(router, { ...options, notices, asVisitor, image: imageActions, accounts: logins });
  addJobs(router, { ...options, notices, asVisitor });
  addUpload(router, { ...options, notices, asVisitor });
  addDiff(router, { ...options, asVisitor });
  addMirror(router, { ...options, notices, asVisitor });
  addStorage(router, { ...options, notices, asVisitor });
  addSetup(router, { ...options, notices, hasLogins: logins !== undefined, asVisitor });
  router.use(
    asAnybody((_visitor, request) =>
      Promise.reject(new OciError('NAME_UNKNOWN', { message: textsOf(request).errors.noSuchPage })),
    ),
  );
  router.use(errorBoundary(pageFormat));
  return router;
}
