import type { Request, Response, Router } from 'express';
import { unknownAttempt } from '../../../access/federation/oidc-error.ts';
import { type OidcClient, newAttempt } from '../../../access/federation/oidc.ts';
import type { OidcLogins } from '../../../access/login/oidc-logins.ts';
import type { Identity } from '../../../access/permissions/identity.ts';
import type { Logins } from '../../../access/login/logins.ts';
import { AuthenticationError } from '../../../access/credentials/authentication-error.ts';
import type { Sessions } from '../../../access/login/sessions.ts';
import type { PublicUrl } from '../../server/public-url.ts';
import { type RateLimits, countLogin } from '../../server/rate-limits.ts';
import { createCookie } from '../shell/cookies.ts';
import { formOf } from '../shell/form.ts';
import { html } from '../shell/html.ts';
import { sendPage } from '../shell/page.ts';
import { localPath } from '../shell/local-path.ts';
import { textsOf } from '../shell/preferences.ts';
import { redirect } from '../shell/redirect.ts';
import type { Browsers } from './browsers.ts';
import { openSession } from './open-session.ts';
import { queryOf } from './visitors.ts';

/** Logins by an OpenID Connect provider. */
export interface OidcEntrance {
  readonly client: OidcClient;
  readonly logins: OidcLogins;
  /** Name of the provider on the page. */
  readonly label: string;
}

export interface LoginOptions {
  readonly logins: Logins;
  readonly sessions: Sessions;
  readonly publicUrl: PublicUrl;
  readonly limits: RateLimits;
  readonly browsers: Browsers;
  readonly oidc: OidcEntrance | undefined;
}

/** Time for the login at the provider, in seconds. */
const attemptSeconds = 600;

/** Adds `/ui/login` and `/ui/logout`, and `/ui/oidc` if a provider is configured. */
export function addLogin(router: Router, { logins, sessions, publicUrl, limits, browsers, oidc }: LoginOptions): void {
  const open = (request: Request, response: Response, identity: Identity) =>
    openSession({ sessions, browsers, publicUrl }, request, response, identity);

  router.get('/login', (request, response) => sendLogin(response, 200, { label: oidc?.label, next: nextOf(queryOf(request)) }));
  router.post('/login', async (request, response) => {
    const form = formOf(request);
    const [name, password] = [form.get('name') ?? '', form.get('password') ?? ''];
    await countLogin(limits, request, response);
    try {
      const identity = await logins.login(name, password, publicUrl.clientAddress(request));
      await open(request, response, identity);
      redirect(response, localPath(form.get('next')));
    } catch (error) {
      if (!(error instanceof AuthenticationError) || error.reason === 'throttled') throw error;
      sendLogin(response, 401, { label: oidc?.label, next: nextOf(form), name, isWrong: true });
    }
  });
  router.post('/logout', async (request, response) => {
    await sessions.close(browsers.session.read(request), publicUrl.clientAddress(request));
    browsers.session.clear(request, response);
    redirect(response, '/ui/login');
  });
  if (oidc) addOidc(router, oidc, { publicUrl, browsers, openSession: open });
}

interface OidcParts {
  readonly publicUrl: PublicUrl;
  readonly browsers: Browsers;
  openSession(request: Request, response: Response, identity: Identity): Promise<void>;
}

function addOidc(router: Router, { client, logins }: OidcEntrance, { publicUrl, browsers, openSession }: OidcParts): void {
  const attempt = createCookie('berth-oidc', browsers.isSecure);
  const redirectUri = (request: Request) => `${publicUrl.base(request)}/ui/oidc/callback`;

  router.get('/oidc', async (request, response) => {
    const secret = newAttempt();
    const location = await client.authorizationUrl(secret, redirectUri(request));
    attempt.write(request, response, secret, attemptSeconds);
    redirect(response, location);
  });
  router.get('/oidc/callback', async (request, response) => {
    const secret = attempt.read(request);
    attempt.clear(request, response);
    if (secret === undefined || secret === '') throw unknownAttempt();
    const { searchParams } = new URL(request.originalUrl, 'http://localhost');
    const user = await client.redeem(searchParams, secret, redirectUri(request));
    const { identity, notice } = await logins(user, publicUrl.clientAddress(request));
    await openSession(request, response, identity);
    if (notice === undefined) redirect(response, '/ui');
    else sendNotice(response, notice);
  });
}

/** Shows a new user a notice about the account. */
function sendNotice(response: Response, notice: string): void {
  const { login } = textsOf(response.req);
  const content = html`<p role="status">${notice}</p>
    <p><a class="button" href="/ui">${login.continue}</a></p>`;
  sendPage(response, 200, { title: login.done, content });
}

interface LoginForm {
  /** Name of the provider. */
  readonly label: string | undefined;
  /** Where the login leads. */
  readonly next: string;
  readonly name?: string;
  readonly isWrong?: boolean;
}

function sendLogin(response: Response, status: number, { label, next, name = '', isWrong = false }: LoginForm): void {
  const { login } = textsOf(response.req);
  const isOnTheWay = next !== '/ui' && !isWrong;
  const content = html`${isOnTheWay ? html`<p class="quiet">${login.first}</p>` : undefined}
    ${isWrong ? html`<p class="wrong" role="alert">${login.wrong}</p>` : undefined}
    ${label === undefined ? undefined : html`<p><a class="button" href="/ui/oidc">${login.with(label)}</a></p>`}
    <form method="post" action="/ui/login">
      <input type="hidden" name="next" value="${next}" />
      <label>${login.name} <input name="name" value="${name}" autocomplete="username" autocapitalize="none" required /></label>
      <label>${login.password} <input name="password" type="password" autocomplete="current-password" required /></label>
      <button class="primary">${login.submit}</button>
    </form>`;
  sendPage(response, status, { title: login.title, content });
}

function nextOf(fields: URLSearchParams): string {
  return localPath(fields.get('next'));
}
