import { type FormState, emptyForm, problemOf, textField } from '../../parts/fields.ts';
import { paging } from '../../parts/paging.ts';
import { table } from '../../parts/table.ts';
import { html } from '../../shell/html.ts';
import { type AdminVisit, buttonForm, done, nameAfter, pageSize, pathTo, sendAdminView, submit } from './admin-view.ts';
import { deletionForm, requireConfirmation } from './deletion.ts';
import { grantTable } from './grant-table.ts';

/** Shows the teams by name, and a form for a new one. */
export async function showTeams(visit: AdminVisit, state: FormState = emptyForm): Promise<void> {
  const { directory, query, texts } = visit;
  const { items, next } = await directory.listTeams({ after: nameAfter(query), limit: pageSize });
  const { admin } = texts;
  const rows = items.map((name) => ({ heading: html`<a href="${pathTo('teams', name)}">${name}</a>`, cells: [] }));
  const content = html`${problemOf(state)}
    ${rows.length === 0 ? html`<p>${admin.teams.none}</p>` : table(admin.teams.caption, [admin.name], rows)}
    ${paging(texts, query, next)}
    <h2>${admin.teams.create}</h2>
    <form method="post" action="${pathTo('teams')}">
      ${textField(state, { name: 'name', label: admin.name, maxLength: 128 })}
      <button>${admin.create}</button>
    </form>`;
  sendAdminView(visit, 'teams', content, { state });
}

export function createTeam(visit: AdminVisit): Promise<void> {
  const name = (visit.form.get('name') ?? '').trim();
  return submit(visit, { path: pathTo('teams', name), again: (state) => showTeams(visit, state) }, async () => {
    await visit.administration.createTeam(name);
    return done(visit.texts.admin.teams.created(name));
  });
}

/** Shows a team: its members, its grants, and forms that change them. */
export async function showTeam(visit: AdminVisit, name: string, state: FormState = emptyForm): Promise<void> {
  const { directory, texts } = visit;
  const { members } = await directory.findTeam(name);
  const { admin } = texts;
  const path = pathTo('teams', name);
  const rows = members.map((account) => ({
    heading: account,
    cells: [buttonForm(`${path}/members/${encodeURIComponent(account)}/remove`, admin.teams.remove, account)],
  }));
  const { items: grants } = await directory.listGrants({ after: 0, limit: 1000 }, `team:${name}`);
  const content = html`${problemOf(state)}
    <h2>${admin.teams.members}</h2>
    ${rows.length === 0 ? html`<p>${admin.teams.empty}</p>` : table(admin.teams.members, [admin.name, admin.actions], rows)}
    <form class="filter" method="post" action="${path}/join">
      ${textField(state, { name: 'account', label: admin.teams.account, maxLength: 128 })}
      <button>${admin.teams.add}</button>
    </form>
    <h2>${admin.grants.title}</h2>
    ${grantTable(visit, grants, path)}
    <p><a class="button" href="${pathTo('grants')}?subject=team:${name}">${admin.grants.create}</a></p>
    ${deletionForm(visit, path, name, admin.teams.deleteHelp, state)}`;
  sendAdminView(visit, 'teams', content, { state, heading: name });
}

/** Makes a change of a team; undefined for one that does not exist. */
export function changeTeam(visit: AdminVisit, name: string, action: string): Promise<void> | undefined {
  const { administration, texts, form } = visit;
  const path = pathTo('teams', name);
  const again = (state: FormState) => showTeam(visit, name, state);
  if (action === 'join') {
    const account = (form.get('account') ?? '').trim();
    return submit(visit, { path, again }, async () => {
      await administration.addMember(name, account);
      return done(texts.admin.teams.joined(account));
    });
  }
  if (action !== 'delete') return undefined;
  return submit(visit, { path: pathTo('teams'), again, names: { name: 'confirm' } }, async () => {
    requireConfirmation(visit, name);
    await administration.deleteTeam(name);
    return done(texts.admin.isDeleted(name));
  });
}

/** Removes a member from a team. */
export function removeMember(visit: AdminVisit, name: string, account: string): Promise<void> {
  const again = (state: FormState) => showTeam(visit, name, state);
  return submit(visit, { path: pathTo('teams', name), again }, async () => {
    await visit.administration.removeMember(name, account);
    return done(visit.texts.admin.teams.left(account));
  });
}
