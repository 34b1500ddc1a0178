import type { Request, Response, Router } from 'express';
import { unknownAttempt } from '../../access/federation/oidc-error.ts';
import { type OidcClient, newAttempt } from '../../access/federation/oidc.ts';
import type { OidcLogins } from '../../access/login/oidc-logins.ts';
import type { Identity } from '../../access/permissions/identity.ts';
import type { Logins } from '../../access/login/logins.ts';
import { AuthenticationError } from '../../access/credentials/authentication-error.ts';
import type { Sessions } from '../../access/login/sessions.ts';
import type { PublicUrl } from '../server/public-url.ts';
import { createCookie } from './cookies.ts';
import { formOf } from './form.ts';
import { html } from './html.ts';
import { redirect, sendPage } from './page.ts';
import type { Browsers } from './browsers.ts';

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
  readonly browsers: Browsers;
  readonly oidc: OidcEntrance | undefined;
}

/** Time for the login at the provider, in seconds. */
const attemptSeconds = 600;

/** Adds `/ui/login` and `/ui/logout`, and `/ui/oidc` if a provider is configured. */
export function addLogin(router: Router, { logins, sessions, publicUrl, browsers, oidc }: LoginOptions): void {
  async function openSession(request: Request, response: Response, identity: Identity): Promise<void> {
    const address = publicUrl.clientAddress(request);
    const session = await sessions.open(identity, address);
    await sessions.close(browsers.session.read(request), address);
    browsers.session.write(request, response, session.secret, session.lifetimeSeconds);
  }

  router.get('/login', (_request, response) => sendLogin(response, 200, oidc?.label));
  router.post('/login', async (request, response) => {
    const form = formOf(request);
    const [name, password] = [form.get('name') ?? '', form.get('password') ?? ''];
    try {
      const identity = await logins.login(name, password, publicUrl.clientAddress(request));
      await openSession(request, response, identity);
      redirect(response, '/ui');
    } catch (error) {
      if (!(error instanceof AuthenticationError) || error.reason === 'throttled') throw error;
      sendLogin(response, 401, oidc?.label, 'The name or the password is wrong.');
    }
  });
  router.post('/logout', async (request, response) => {
    await sessions.close(browsers.session.read(request), publicUrl.clientAddress(request));
    browsers.session.clear(request, response);
    redirect(response, '/ui/login');
  });
  if (oidc) addOidc(router, oidc, { publicUrl, browsers, openSession });
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
  const content = html`<p role="status">${notice}</p>
    <p><a class="button" href="/ui">Continue</a></p>`;
  sendPage(response, 200, { title: 'Signed in', content });
}

function sendLogin(response: Response, status: number, label: string | undefined, wrong?: string): void {
  const content = html`${wrong === undefined ? undefined : html`<p class="wrong" role="alert">${wrong}</p>`}
    ${label === undefined ? undefined : html`<p><a class="button" href="/ui/oidc">Sign in with ${label}</a></p>`}
    <form method="post" action="/ui/login">
      <label>Name <input name="name" autocomplete="username" autocapitalize="none" required /></label>
      <label>Password <input name="password" type="password" autocomplete="current-password" required /></label>
      <button>Sign in</button>
    </form>`;
  sendPage(response, status, { title: 'Sign in', content });
}
