import type { Request, Response, Router } from 'express';
import type { Actor, Administration, ShownToken } from '../../../access/accounts/administration.ts';
import { AdministrationError } from '../../../access/accounts/administration-error.ts';
import type { Directory } from '../../../access/accounts/directory.ts';
import type { Principal } from '../../../access/permissions/principal.ts';
import { longestTokenName } from '../../../access/accounts/validation.ts';
import type { PublicUrl } from '../../server/public-url.ts';
import { formOf } from '../shell/form.ts';
import { type Html, html } from '../shell/html.ts';
import { copyField } from '../parts/copy-field.ts';
import { relativeTime } from '../parts/time.ts';
import { table } from '../parts/table.ts';
import { sendPage } from '../shell/page.ts';
import { preferencesOf, textsOf } from '../shell/preferences.ts';
import { redirect } from '../shell/redirect.ts';
import type { AsVisitor } from '../session/visitors.ts';
import type { Notices } from '../shell/notice.ts';
import type { Texts } from '../texts/english/texts.ts';
import type { Language } from '../texts/languages.ts';

export interface TokensOptions {
  readonly directory: Pick<Directory, 'listTokens'>;
  /** Returns the changes that `actor` can make, recorded in its name. */
  readonly administration: (actor: Actor) => Administration;
  readonly publicUrl: PublicUrl;
  readonly asVisitor: AsVisitor;
  /** Carries a new token to the view that shows it once. */
  readonly secrets: Notices;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Called after each change of permissions: this process applies it at once. */
  readonly changed: () => void;
}

const dayMilliseconds = 24 * 3600 * 1000;
const lifetimes = [7, 30, 90, 365] as const;

/** Adds `/ui/tokens`, the access tokens of the user that is signed in. */
export function addTokens(
  router: Router,
  { directory, administration, publicUrl, asVisitor, now, changed, secrets }: TokensOptions,
): void {
  const changesOf = ({ name }: Principal, request: Request) =>
    administration({ name, address: publicUrl.clientAddress(request) });

  async function show(response: Response, { name }: Principal, rejected?: Rejected): Promise<void> {
    const texts = textsOf(response.req);
    const view = { texts, language: preferencesOf(response.req).language, now: now() };
    const tokens = (await directory.listTokens(name)).filter(({ expiresAt }) => expiresAt === null || expiresAt > view.now);
    const secret = secrets.take(response.req, response)?.secret;
    const content = html`${secret === undefined ? undefined : secretOf(texts, secret, name)}
    ${rejected && html`<p class="wrong" role="alert">${rejected.message}</p>`}
    ${tokens.length > 0 ? tableOf(view, tokens) : html`<p class="quiet">${texts.tokens.none}</p>`}
    ${newTokenForm(texts, rejected?.form)}`;
    sendPage(response, rejected ? 400 : 200, { title: texts.tokens.title, user: name, current: 'account', content });
  }

  router.get(
    '/tokens',
    asVisitor((user, _request, response) => show(response, user)),
  );
  router.post(
    '/tokens',
    asVisitor(async (user, request, response) => {
      const form = formOf(request);
      try {
        const token = newTokenOf(form, now(), textsOf(request));
        const { secret } = await changesOf(user, request).createToken({ account: user.name, ...token });
        secrets.leave(request, response, { kind: 'done', lines: [], secret }, String);
        redirect(response, '/ui/tokens');
      } catch (error) {
        if (!(error instanceof AdministrationError)) throw error;
        await show(response, user, { message: error.message, form });
      }
    }),
  );
  router.post(
    '/tokens/:id/revoke',
    asVisitor(async (user, request, response) => {
      await changesOf(user, request).revokeToken(user.name, String(request.params['id']));
      changed();
      redirect(response, '/ui/tokens');
    }),
  );
}

/** A form with an error. */
interface Rejected {
  readonly message: string;
  readonly form: URLSearchParams;
}

/** Reads the form of a new token. Scopes are separated by white space; without scopes the token may do what its user may. */
function newTokenOf(form: URLSearchParams, now: number, { tokens }: Texts) {
  const name = (form.get('name') ?? '').trim();
  const scopes = (form.get('scopes') ?? '').split(/\s+/).filter((scope) => scope !== '');
  const days = lifetimes.find((lifetime) => String(lifetime) === form.get('days'));
  if (days === undefined && form.get('days') !== 'never') throw new AdministrationError('invalid', tokens.chooseLifetime);
  return {
    name,
    scopes: scopes.length > 0 ? scopes : undefined,
    expiresAt: days === undefined ? undefined : now + days * dayMilliseconds,
  };
}

function secretOf({ tokens }: Texts, secret: string, name: string): Html {
  return html`<section class="note" aria-label="${tokens.created}">
    <p>${tokens.createdHelp} <code>${name}</code></p>
    ${copyField(secret, 'secret')}
  </section>`;
}

interface View {
  readonly texts: Texts;
  readonly language: Language;
  readonly now: number;
}

function tableOf(view: View, shown: readonly ShownToken[]): Html {
  const { tokens } = view.texts;
  const columns = [tokens.name, tokens.kind, tokens.may, tokens.expires, tokens.lastUsed, tokens.revoke];
  return table(
    tokens.title,
    columns,
    shown.map((token) => rowOf(view, token)),
  );
}

function rowOf({ texts: { tokens }, language, now }: View, { id, kind, name, scopes, expiresAt, lastUsedAt }: ShownToken) {
  return {
    heading: shortened(name),
    cells: [
      tokens.kinds[kind],
      scopes === null ? tokens.everything : listed(scopes, tokens),
      expiresAt === null ? tokens.never : relativeTime(expiresAt, now, language),
      lastUsedAt === null ? '' : relativeTime(lastUsedAt, now, language),
      html`<form method="post" action="/ui/tokens/${id}/revoke">
        <button aria-label="${tokens.revokeNamed(shortened(name))}">${tokens.revoke}</button>
      </form>`,
    ],
  };
}

/** Shortens a name: older versions of berth accepted names and scopes of any length. */
function shortened(text: string): string {
  return text.length > longestTokenName ? `${text.slice(0, longestTokenName)}…` : text;
}

const maxScopes = 100;

function listed(scopes: readonly string[], { more }: Texts['tokens']): string {
  const others = scopes.length - maxScopes;
  return [...scopes.slice(0, maxScopes), ...(others > 0 ? [more(others)] : [])].join(' ');
}

/** The form of a new token, with what a rejected form had. */
function newTokenForm({ tokens }: Texts, rejected = new URLSearchParams()): Html {
  const chosen = rejected.get('days') ?? String(lifetimes[0]);
  const option = (value: string, label: string) =>
    html`<option value="${value}" ${value === chosen ? html`selected` : undefined}>${label}</option>`;
  return html`<h2>${tokens.newToken}</h2>
    <form method="post" action="/ui/tokens">
      <label
        >${tokens.name} <input name="name" value="${rejected.get('name') ?? ''}" maxlength="${longestTokenName}" required
      /></label>
      <label>
        ${tokens.scopes}
        <textarea name="scopes" rows="3" placeholder="team-a/*:pull,push">${rejected.get('scopes') ?? ''}</textarea>
      </label>
      <label>
        ${tokens.validFor}
        <select name="days">
          ${lifetimes.map((days) => option(String(days), tokens.days(days)))} ${option('never', tokens.noLimit)}
        </select>
      </label>
      <button>${tokens.create}</button>
    </form>`;
}
