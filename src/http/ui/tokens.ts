import type { Request, Response, Router } from 'express';
import type { Actor, Administration, IssuedSecret, ShownToken } from '../../access/accounts/administration.ts';
import { AdministrationError } from '../../access/accounts/administration-error.ts';
import type { Directory } from '../../access/accounts/directory.ts';
import type { Principal } from '../../access/permissions/principal.ts';
import { isoTime } from '../../access/accounts/time.ts';
import { longestTokenName } from '../../access/accounts/validation.ts';
import type { PublicUrl } from '../server/public-url.ts';
import type { Browsers } from './browsers.ts';
import { formOf } from './form.ts';
import { type Html, html } from './html.ts';
import { redirect, sendPage } from './page.ts';

export interface TokensOptions {
  readonly directory: Pick<Directory, 'listTokens'>;
  /** Returns the changes that `actor` can make, recorded in its name. */
  readonly administration: (actor: Actor) => Administration;
  readonly publicUrl: PublicUrl;
  readonly browsers: Browsers;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Called after each change of permissions: this process applies it at once. */
  readonly changed: () => void;
}

const dayMilliseconds = 24 * 3600 * 1000;
const lifetimes = [7, 30, 90, 365] as const;

/** Adds `/ui/tokens`, the access tokens of the user that is logged in. */
export function addTokens(router: Router, { directory, administration, publicUrl, browsers, now, changed }: TokensOptions): void {
  type UserHandler = (user: Principal, administration: Administration, request: Request, response: Response) => Promise<void>;
  const asUser = (handler: UserHandler) => async (request: Request, response: Response) => {
    const user = await browsers.user(request);
    const actor = { name: user?.name ?? '', address: publicUrl.clientAddress(request) };
    if (user) await handler(user, administration(actor), request, response);
    else redirect(response, '/ui/login');
  };

  async function show(response: Response, { name }: Principal, result: Result = {}): Promise<void> {
    const tokens = await directory.listTokens(name);
    const content = html`${result.created && secretOf(result.created, name)}
    ${result.wrong === undefined ? undefined : html`<p class="wrong" role="alert">${result.wrong}</p>`}
    ${tableOf(tokens.filter(({ expiresAt }) => expiresAt === null || expiresAt > now()))} ${newTokenForm}`;
    const status = result.created ? 201 : result.wrong === undefined ? 200 : 400;
    sendPage(response, status, { title: 'Access tokens', user: name, content });
  }

  router.get(
    '/tokens',
    asUser((user, _administration, _request, response) => show(response, user)),
  );
  router.post(
    '/tokens',
    asUser(async (user, administration, request, response) => {
      try {
        const created = await administration.createToken({ account: user.name, ...newTokenOf(formOf(request), now()) });
        await show(response, user, { created });
      } catch (error) {
        if (!(error instanceof AdministrationError)) throw error;
        await show(response, user, { wrong: error.message });
      }
    }),
  );
  router.post(
    '/tokens/:id/revoke',
    asUser(async (user, administration, request, response) => {
      await administration.revokeToken(user.name, String(request.params['id']));
      changed();
      redirect(response, '/ui/tokens');
    }),
  );
}

interface Result {
  readonly created?: IssuedSecret;
  readonly wrong?: string;
}

/** Reads the form of a new token. Scopes are separated by white space; without scopes the token may do what its user may. */
function newTokenOf(form: URLSearchParams, now: number) {
  const name = (form.get('name') ?? '').trim();
  const scopes = (form.get('scopes') ?? '').split(/\s+/).filter((scope) => scope !== '');
  const days = lifetimes.find((lifetime) => String(lifetime) === form.get('days'));
  if (days === undefined && form.get('days') !== 'never')
    throw new AdministrationError('invalid', 'choose how long the token is valid');
  return {
    name,
    scopes: scopes.length > 0 ? scopes : undefined,
    expiresAt: days === undefined ? undefined : now + days * dayMilliseconds,
  };
}

function secretOf({ secret }: IssuedSecret, name: string): Html {
  return html`<section aria-label="New access token">
    <p>Use this as the password of <code>${name}</code>, for example in <code>docker login</code>. It is shown only once.</p>
    <p><code id="secret">${secret}</code></p>
  </section>`;
}

const kinds: Readonly<Record<ShownToken['kind'], string>> = {
  personal: 'access token',
  robot: 'robot',
  refresh: 'docker login',
  session: 'web page',
};

function tableOf(tokens: readonly ShownToken[]): Html {
  if (tokens.length === 0) return html`<p class="quiet">None yet.</p>`;
  return html`<table>
    <thead>
      <tr>
        <th>Name</th>
        <th>Kind</th>
        <th>May</th>
        <th>Expires</th>
        <th>Last used</th>
        <th></th>
      </tr>
    </thead>
    <tbody>
      ${tokens.map(rowOf)}
    </tbody>
  </table>`;
}

function rowOf({ id, kind, name, scopes, expiresAt, lastUsedAt }: ShownToken): Html {
  return html`<tr>
    <td>${shortened(name)}</td>
    <td>${kinds[kind]}</td>
    <td>${scopes === null ? 'everything you may' : listed(scopes)}</td>
    <td>${expiresAt === null ? 'never' : day(expiresAt)}</td>
    <td>${lastUsedAt === null ? '' : day(lastUsedAt)}</td>
    <td>
      <form method="post" action="/ui/tokens/${id}/revoke"><button>Revoke</button></form>
    </td>
  </tr>`;
}

/** Shortens a name: older versions of berth accepted names and scopes of any length. */
function shortened(text: string): string {
  return text.length > longestTokenName ? `${text.slice(0, longestTokenName)}…` : text;
}

const maxScopes = 100;

function listed(scopes: readonly string[]): string {
  const more = scopes.length - maxScopes;
  return scopes.slice(0, maxScopes).join(' ') + (more > 0 ? ` and ${more} more` : '');
}

function day(milliseconds: number): string {
  return isoTime(milliseconds).slice(0, 10);
}

const newTokenForm = html`<h2>New access token</h2>
  <form method="post" action="/ui/tokens">
    <label>Name <input name="name" maxlength="${longestTokenName}" required /></label>
    <label>
      Permissions (PATTERN:ACTIONS, one per line; empty: all of yours)
      <textarea name="scopes" rows="3" placeholder="team-a/*:pull,push"></textarea>
    </label>
    <label>
      Valid for
      <select name="days">
        ${lifetimes.map((days) => html`<option value="${days}">${days} days</option>`)}
        <option value="never">no limit</option>
      </select>
    </label>
    <button>Create</button>
  </form>`;
