import type { Router } from 'express';
import { readFileSync } from 'node:fs';
import { anonymousPrincipal } from '../../access/permissions/principal.ts';
import type { Listings } from '../../registry/listings.ts';
import type { AccessControl } from '../auth/access-control.ts';
import { errorBoundary } from '../errors/boundary.ts';
import { createBrowsers, refuseForeignForms } from './browsers.ts';
import { pageFormat } from './error-page.ts';
import { readForm } from './form.ts';
import { html } from './html.ts';
import { type LoginOptions, addLogin } from './login.ts';
import { sendPage } from './page.ts';
import { type Visitors, addRepositories } from './repositories.ts';
import { type TokensOptions, addTokens } from './tokens.ts';
import { createRouter } from '../server/router.ts';

/** The parts for logins and access tokens (mode token). */
export type PageLogins = Omit<LoginOptions & TokensOptions, 'browsers'>;

export interface PageOptions {
  readonly listings: Listings;
  readonly access: AccessControl;
  /** Undefined in mode open: the page then shows the repositories to every visitor, and has no logins. */
  readonly logins: PageLogins | undefined;
}

const style = readFileSync(new URL('./style.css', import.meta.url));

/** Makes the router of `/ui`, the web page. It needs no scripts. */
export function createPageRouter({ listings, access, logins }: PageOptions): Router {
  const router = createRouter();
  router.get('/style.css', (_request, response) => {
    response.setHeader('X-Content-Type-Options', 'nosniff');
    response.setHeader('Cache-Control', 'max-age=3600');
    response.type('css').send(style);
  });
  let visitors: Visitors = () => Promise.resolve(anonymousPrincipal);
  if (logins) {
    const browsers = createBrowsers(logins.publicUrl, logins.sessions);
    visitors = browsers.user;
    router.use(refuseForeignForms(logins.publicUrl), readForm);
    addLogin(router, { ...logins, browsers });
    addTokens(router, { ...logins, browsers });
  }
  addRepositories(router, listings, access, visitors);
  router.use((_request, response) =>
    sendPage(response, 404, { title: 'Not found', content: html`<p>There is no such page.</p>` }),
  );
  router.use(errorBoundary(pageFormat));
  return router;
}
