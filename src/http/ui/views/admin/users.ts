import type { Account } from '../../../../access/accounts/directory.ts';
import { generatePassword } from '../../../../access/credentials/password.ts';
import { type FormState, emptyForm, problemOf, textField } from '../../parts/fields.ts';
import { paging } from '../../parts/paging.ts';
import { table } from '../../parts/table.ts';
import { relativeTime } from '../../parts/time.ts';
import { type Html, html } from '../../shell/html.ts';
import type { Texts } from '../../texts/english/texts.ts';
import { type AdminVisit, buttonForm, done, nameAfter, pageSize, pathTo, sendAdminView, submit } from './admin-view.ts';
import { deletionForm, requireConfirmation } from './deletion.ts';
import { grantTable } from './grant-table.ts';
import { secretTable } from './secret-table.ts';

/** Shows the users by name, and a form for a new one. */
export async function showUsers(visit: AdminVisit, state: FormState = emptyForm): Promise<void> {
  const { directory, query, texts, language, now } = visit;
  const { items, next } = await directory.listAccounts('user', { after: nameAfter(query), limit: pageSize });
  const { admin } = texts;
  const rows = items.map((account) => ({
    heading: html`<a href="${pathTo('users', account.name)}">${account.name}</a>`,
    cells: [stateChips(texts, account), relativeTime(account.createdAt, now, language)],
  }));
  const content = html`${problemOf(state)} ${table(admin.users.caption, [admin.name, admin.state, admin.created], rows)}
    ${paging(texts, query, next)}
    <h2>${admin.users.create}</h2>
    <p class="quiet">${admin.users.createHelp}</p>
    <form method="post" action="${pathTo('users')}">
      ${textField(state, { name: 'name', label: admin.name, maxLength: 128 })}
      <label class="box"
        ><input type="checkbox" name="admin" value="yes" ${state.form.has('admin') ? html`checked` : undefined} />
        ${admin.users.isAdmin}</label
      >
      <button>${admin.create}</button>
    </form>`;
  sendAdminView(visit, 'users', content, { state });
}

/** Shows whether an account is an admin, disabled or expired. */
export function stateChips({ admin }: Texts, { isAdmin, isDisabled }: Pick<Account, 'isAdmin' | 'isDisabled'>): Html {
  return html`${isAdmin ? html`<span class="chip">${admin.users.admin}</span>` : undefined}
  ${isDisabled ? html`<span class="chip bad">${admin.disabled}</span>` : html`<span class="chip ok">${admin.enabled}</span>`}`;
}

/** Creates a user with a password that the next view shows once. */
export function createUser(visit: AdminVisit): Promise<void> {
  const { administration, form, texts } = visit;
  const name = (form.get('name') ?? '').trim();
  return submit(visit, { path: pathTo('users'), again: (state) => showUsers(visit, state) }, async () => {
    const password = generatePassword();
    const { note } = await administration.createUser({ name, password, isAdmin: form.has('admin') });
    const notice = done(texts.admin.users.created(name), password);
    return note === undefined ? notice : { ...notice, lines: [...notice.lines, note] };
  });
}

/** Shows a user: state, secrets, grants, and what an admin can change. */
export async function showUser(visit: AdminVisit, name: string, state: FormState = emptyForm): Promise<void> {
  const { directory, texts, visitor } = visit;
  const account = await directory.findAccount('user', name);
  const { admin } = texts;
  const path = pathTo('users', name);
  const isSelf = visitor.name === name;
  const { items: grants } = await directory.listGrants({ after: 0, limit: 1000 }, `user:${name}`);
  const content = html`${problemOf(state)}
    <p>${stateChips(texts, account)} ${isSelf ? html`<span class="chip">${admin.users.you}</span>` : undefined}</p>
    <div class="actions">
      ${
        account.isDisabled ? buttonForm(`${path}/enable`, admin.enable, name) : buttonForm(`${path}/disable`, admin.disable, name)
      }
      ${
        account.isAdmin
          ? buttonForm(`${path}/demote`, admin.users.demote, name)
          : buttonForm(`${path}/promote`, admin.users.promote, name)
      }
      ${buttonForm(`${path}/password`, admin.users.resetPassword, name)}
    </div>
    <p class="quiet">${admin.users.passwordHelp}</p>
    <h2>${admin.grants.title}</h2>
    <p class="quiet">${admin.grants.ownOnly}</p>
    ${grantTable(visit, grants, path)}
    <h2>${admin.secrets.title}</h2>
    ${secretTable(visit, await directory.listTokens(name), path)}
    ${deletionForm(visit, path, name, admin.users.deleteHelp(name), state)}`;
  sendAdminView(visit, 'users', content, { state, heading: name });
}

type UserChange = (visit: AdminVisit, name: string) => Promise<string>;

const changes: Readonly<Record<string, UserChange>> = {
  async disable({ administration, texts }, name) {
    await administration.setDisabled(name, true);
    return texts.admin.isDisabled(name);
  },
  async enable({ administration, texts }, name) {
    await administration.setDisabled(name, false);
    return texts.admin.isEnabled(name);
  },
  async promote({ administration, texts }, name) {
    await administration.setAdmin(name, true);
    return texts.admin.users.isPromoted(name);
  },
  async demote({ administration, texts }, name) {
    await administration.setAdmin(name, false);
    return texts.admin.users.isDemoted(name);
  },
};

/** Makes a change of a user; undefined for one that does not exist. */
export function changeUser(visit: AdminVisit, name: string, action: string): Promise<void> | undefined {
  const path = pathTo('users', name);
  const again = (state: FormState) => showUser(visit, name, state);
  const change = Object.hasOwn(changes, action) ? changes[action] : undefined;
  if (change) {
    return submit(visit, { path, again }, async () => {
      await visit.directory.findAccount('user', name);
      return done(await change(visit, name));
    });
  }
  if (action === 'password') {
    return submit(visit, { path, again }, async () => {
      const password = generatePassword();
      await visit.administration.setPassword(name, password);
      return done(visit.texts.admin.users.passwordIs(name), password);
    });
  }
  if (action !== 'delete') return undefined;
  return submit(visit, { path: pathTo('users'), again, names: { name: 'confirm' } }, async () => {
    await visit.directory.findAccount('user', name);
    requireConfirmation(visit, name);
    await visit.administration.deleteAccount(name);
    return done(visit.texts.admin.isDeleted(name));
  });
}
