import type { Request, Response, Router } from 'express';
import type { Actor, Administration, ShownToken } from '../../../../access/accounts/administration.ts';
import { AdministrationError } from '../../../../access/accounts/administration-error.ts';
import type { Directory } from '../../../../access/accounts/directory.ts';
import { AuthenticationError } from '../../../../access/credentials/authentication-error.ts';
import type { Logins } from '../../../../access/login/logins.ts';
import type { Sessions } from '../../../../access/login/sessions.ts';
import type { Identity } from '../../../../access/permissions/identity.ts';
import type { Principal } from '../../../../access/permissions/principal.ts';
import type { PublicUrl } from '../../../server/public-url.ts';
import { type RateLimits, countLogin } from '../../../server/rate-limits.ts';
import { type FormState, emptyForm, problemOf, textField } from '../../parts/fields.ts';
import { noticeBox } from '../../parts/notice.ts';
import { table } from '../../parts/table.ts';
import { relativeTime } from '../../parts/time.ts';
import type { Browsers } from '../../session/browsers.ts';
import { openSession } from '../../session/open-session.ts';
import { rejectionOf } from '../../session/rejections.ts';
import type { AsVisitor } from '../../session/visitors.ts';
import { formOf } from '../../shell/form.ts';
import { type Html, html } from '../../shell/html.ts';
import type { Notices } from '../../shell/notice.ts';
import { preferencesForm } from '../../shell/preferences-form.ts';
import { preferencesOf, textsOf } from '../../shell/preferences.ts';
import { redirect } from '../../shell/redirect.ts';
import type { Texts } from '../../texts/english/texts.ts';
import { sendAccountView } from './account-view.ts';

export interface AccountOptions {
  readonly directory: Pick<Directory, 'findAccount' | 'listTokens'>;
  /** Returns the changes that `actor` can make, recorded in its name. */
  readonly administration: (actor: Actor) => Administration;
  readonly logins: Logins;
  readonly sessions: Sessions;
  readonly limits: RateLimits;
  readonly browsers: Browsers;
  readonly publicUrl: PublicUrl;
  readonly asVisitor: AsVisitor;
  readonly notices: Notices;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Called after each change of permissions: this process applies it at once. */
  readonly changed: () => void;
}

const path = '/ui/account';

/** Adds `/ui/account`: the password, the sessions and the preferences of the user that is signed in. */
export function addAccount(router: Router, options: AccountOptions): void {
  const { administration, sessions, browsers, publicUrl, asVisitor, notices, changed } = options;
  const changesOf = ({ name }: Principal, request: Request) =>
    administration({ name, address: publicUrl.clientAddress(request) });
  const leave = (request: Request, response: Response, line: string) =>
    notices.leave(request, response, { kind: 'done', lines: [line] }, textsOf(request).notice.more);

  router.get(
    '/account',
    asVisitor((user, _request, response) => showAccount(options, response, user, emptyForm)),
  );
  router.post(
    '/account/password',
    asVisitor(async (user, request, response) => {
      await countLogin(options.limits, request, response);
      const form = formOf(request);
      const texts = textsOf(request);
      let identity: Identity;
      try {
        identity = await changePassword(options, request, user, texts);
      } catch (error) {
        await showAccount(options, response, user, rejectionOf(error, form, { name: 'repeat', account: 'current' }));
        return;
      }
      changed();
      await openSession({ sessions, browsers, publicUrl }, request, response, identity);
      leave(request, response, texts.account.passwordChanged);
      redirect(response, path);
    }),
  );
  router.post(
    '/account/sessions/:id/revoke',
    asVisitor(async (user, request, response) => {
      const id = String(request.params['id']);
      await changesOf(user, request).revokeToken(user.name, id);
      changed();
      leave(request, response, textsOf(request).account.sessionEnded);
      redirect(response, path);
    }),
  );
}

/**
 * Changes the password of the user, which ends all of its sessions. Returns the new identity for the session that follows. Throws
 * `AdministrationError` for a form that is not valid, and `AuthenticationError` after too many wrong passwords.
 */
async function changePassword(
  { logins, administration, publicUrl }: AccountOptions,
  request: Request,
  { name }: Principal,
  { account }: Texts,
): Promise<Identity> {
  const form = formOf(request);
  const address = publicUrl.clientAddress(request);
  const password = form.get('password') ?? '';
  if (!isOwnLogin(await logIn(logins, name, form.get('current') ?? '', address))) {
    throw new AdministrationError('invalid', account.wrongPassword, 'account');
  }
  if (password !== form.get('repeat')) throw new AdministrationError('invalid', account.notRepeated, 'name');
  const requestId = String(request.res?.getHeader('X-Request-Id'));
  await administration({ name, address, requestId }).setPassword(name, password);
  return logins.login(name, password, address);
}

/** Returns undefined for a wrong password. */
async function logIn(logins: Logins, name: string, password: string, address: string): Promise<Identity | undefined> {
  try {
    return await logins.login(name, password, address);
  } catch (error) {
    if (error instanceof AuthenticationError && error.reason === 'credentials') return undefined;
    throw error;
  }
}

/** True for a login by the password of an account: a token in its place changes no password. */
function isOwnLogin(identity: Identity | undefined): boolean {
  return identity?.kind === 'account' && identity.tokenId === undefined;
}

async function showAccount(options: AccountOptions, response: Response, { name }: Principal, state: FormState): Promise<void> {
  const { directory, sessions, browsers, notices } = options;
  const request = response.req;
  const texts = textsOf(request);
  const now = options.now();
  const { hasPassword } = await directory.findAccount('user', name);
  const open = (await directory.listTokens(name)).filter(({ kind, expiresAt }) => kind === 'session' && (expiresAt ?? 0) > now);
  const current = await sessions.idOf(browsers.session.read(request));
  const content = html`${noticeBox(notices.take(request, response))} ${problemOf(state)}
    ${passwordForm(texts, hasPassword, state, name)}
    <h2>${texts.account.sessions}</h2>
    ${sessionTable(texts, open, (session) => cellsOf(session, session.id === current))}
    <h2>${texts.nav.preferences}</h2>
    ${preferencesForm(texts, preferencesOf(request), path)}`;
  sendAccountView(response, 'account', name, content, state);

  function cellsOf({ id, createdAt, expiresAt, name: label }: ShownToken, isCurrent: boolean) {
    const { language } = preferencesOf(request);
    return [
      relativeTime(createdAt, now, language),
      expiresAt === null ? '' : relativeTime(expiresAt, now, language),
      isCurrent
        ? html`<span class="chip ok">${texts.account.thisSession}</span>`
        : html`<form class="inline" method="post" action="${path}/sessions/${id}/revoke">
            <button aria-label="${texts.tokens.revokeNamed(label)}">${texts.tokens.revoke}</button>
          </form>`,
    ];
  }
}

function passwordForm({ account }: Texts, hasPassword: boolean, state: FormState, name: string): Html {
  if (!hasPassword)
    return html`<h2>${account.password}</h2>
      <p>${account.noPassword}</p>`;
  const field = (field: string, label: string, autocomplete: string) =>
    textField(state, { name: field, label, type: 'password', autocomplete, maxLength: 1024 });
  return html`<h2>${account.password}</h2>
    <p class="quiet">${account.passwordHelp}</p>
    <form method="post" action="${path}/password">
      <input name="user" autocomplete="username" value="${name}" hidden />
      ${field('current', account.current, 'current-password')} ${field('password', account.newPassword, 'new-password')}
      ${field('repeat', account.repeat, 'new-password')}
      <button>${account.change}</button>
    </form>`;
}

function sessionTable(
  { account, tokens }: Texts,
  open: readonly ShownToken[],
  cellsOf: (session: ShownToken) => readonly (Html | string)[],
): Html {
  const rows = open.map((session) => ({ heading: session.name, cells: cellsOf(session) }));
  return table(account.sessions, [account.browser, account.signedIn, tokens.expires, tokens.revoke], rows);
}
