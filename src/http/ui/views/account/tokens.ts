import type { Request, Response, Router } from 'express';
import type { Actor, Administration, ShownToken } from '../../../../access/accounts/administration.ts';
import type { Directory } from '../../../../access/accounts/directory.ts';
import type { Principal } from '../../../../access/permissions/principal.ts';
import { longestTokenName } from '../../../../access/accounts/validation.ts';
import type { PublicUrl } from '../../../server/public-url.ts';
import { formOf } from '../../shell/form.ts';
import { type Html, html } from '../../shell/html.ts';
import { type FormState, emptyForm, problemOf, textArea, textField } from '../../parts/fields.ts';
import { lifetimeField, readGrants, readLifetime } from '../../parts/lifetime.ts';
import { rejectionOf } from '../../session/rejections.ts';
import { sendAccountView } from './account-view.ts';
import { copyField } from '../../parts/copy-field.ts';
import { relativeTime } from '../../parts/time.ts';
import { table } from '../../parts/table.ts';
import { preferencesOf, textsOf } from '../../shell/preferences.ts';
import { redirect } from '../../shell/redirect.ts';
import type { AsVisitor } from '../../session/visitors.ts';
import type { Notices } from '../../shell/notice.ts';
import type { Texts } from '../../texts/english/texts.ts';
import type { Language } from '../../texts/languages.ts';

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

/** Adds `/ui/account/tokens`, the access tokens of the user that is signed in. */
export function addTokens(
  router: Router,
  { directory, administration, publicUrl, asVisitor, now, changed, secrets }: TokensOptions,
): void {
  const changesOf = ({ name }: Principal, request: Request) =>
    administration({ name, address: publicUrl.clientAddress(request) });

  async function show(response: Response, { name }: Principal, state: FormState = emptyForm): Promise<void> {
    const texts = textsOf(response.req);
    const view = { texts, language: preferencesOf(response.req).language, now: now() };
    const tokens = (await directory.listTokens(name)).filter(
      ({ kind, expiresAt }) => kind !== 'session' && (expiresAt === null || expiresAt > view.now),
    );
    const secret = secrets.take(response.req, response)?.secret;
    const content = html`${secret === undefined ? undefined : secretOf(texts, secret, name)} ${problemOf(state)}
    ${tokens.length > 0 ? tableOf(view, tokens) : html`<p class="quiet">${texts.tokens.none}</p>`} ${newTokenForm(texts, state)}`;
    sendAccountView(response, 'tokens', name, content, state);
  }

  // The address of earlier versions.
  router.get('/tokens', (_request, response) => redirect(response, '/ui/account/tokens'));
  router.get(
    '/account/tokens',
    asVisitor((user, _request, response) => show(response, user)),
  );
  router.post(
    '/account/tokens',
    asVisitor(async (user, request, response) => {
      const form = formOf(request);
      try {
        const token = newTokenOf(form, now(), textsOf(request));
        const { secret } = await changesOf(user, request).createToken({ account: user.name, ...token });
        secrets.leave(request, response, { kind: 'done', lines: [], secret }, String);
        redirect(response, '/ui/account/tokens');
      } catch (error) {
        await show(response, user, rejectionOf(error, form, { grants: 'scopes' }));
      }
    }),
  );
  router.post(
    '/account/tokens/:id/revoke',
    asVisitor(async (user, request, response) => {
      await changesOf(user, request).revokeToken(user.name, String(request.params['id']));
      changed();
      redirect(response, '/ui/account/tokens');
    }),
  );
}

/** Reads the form of a new token. Without scopes the token may do what its user may. */
function newTokenOf(form: URLSearchParams, now: number, texts: Texts) {
  const scopes = readGrants(form, 'scopes');
  return {
    name: (form.get('name') ?? '').trim(),
    scopes: scopes.length > 0 ? scopes : undefined,
    expiresAt: readLifetime(form, now, texts),
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
      html`<form method="post" action="/ui/account/tokens/${id}/revoke">
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

/** Shows the form of a new token, with what a rejected form had. */
function newTokenForm(texts: Texts, state: FormState): Html {
  const { tokens } = texts;
  return html`<h2>${tokens.newToken}</h2>
    <form method="post" action="/ui/account/tokens">
      ${textField(state, { name: 'name', label: tokens.name, maxLength: longestTokenName })}
      ${textArea(state, { name: 'scopes', label: tokens.scopes, placeholder: 'team-a/*:pull,push' })}
      ${lifetimeField(state, texts)}
      <button>${tokens.create}</button>
    </form>`;
}
