import { type FormState, actionBoxes, emptyForm, problemOf, textField } from '../../parts/fields.ts';
import { paging } from '../../parts/paging.ts';
import { html } from '../../shell/html.ts';
import { rejectionOf } from '../../session/rejections.ts';
import { localPath } from '../../shell/local-path.ts';
import { type AdminVisit, done, numberAfter, pageSize, pathTo, sendAdminView, submit } from './admin-view.ts';
import { grantTable } from './grant-table.ts';

/** Shows grants, `?subject=` those of one subject, and a form for a new one. */
export async function showGrants(visit: AdminVisit, state: FormState = emptyForm): Promise<void> {
  const { directory, query, texts } = visit;
  const subject = (query.get('subject') ?? '').slice(0, 255);
  const page = { after: numberAfter(query), limit: pageSize };
  const found = await directory
    .listGrants(page, subject === '' ? undefined : subject)
    .catch((error: unknown) => rejectionOf(error, query));
  const shown = 'items' in found ? state : found;
  const { admin } = texts;
  const content = html`${problemOf(shown)}
    <form class="filter" method="get" action="${pathTo('grants')}">
      <label>${admin.grants.ofSubject} <input type="search" name="subject" value="${subject}" maxlength="255" /></label>
      <button>${admin.show}</button>
    </form>
    ${'items' in found ? html`${grantTable(visit, found.items, pathTo('grants'))} ${paging(texts, query, found.next)}` : undefined}
    <h2>${admin.grants.create}</h2>
    <p class="quiet">${admin.grants.createHelp}</p>
    <form method="post" action="${pathTo('grants')}">
      ${textField(state, { name: 'subject', label: admin.grants.subject, value: subject, placeholder: 'team:devs' })}
      ${textField(state, { name: 'pattern', label: admin.grants.pattern, placeholder: 'team-a/*' })}
      ${actionBoxes(state, admin.grants.actions, admin.grants.actionHelp)}
      <button>${admin.grants.grant}</button>
    </form>`;
  sendAdminView(visit, 'grants', content, { state: shown });
}

export function createGrant(visit: AdminVisit): Promise<void> {
  const { administration, form, texts } = visit;
  const again = (state: FormState) => showGrants(visit, state);
  return submit(visit, { path: pathTo('grants'), again, names: { grants: 'pattern' } }, async () => {
    const [subject, pattern] = [(form.get('subject') ?? '').trim(), (form.get('pattern') ?? '').trim()];
    await administration.grant(subject, pattern, form.getAll('action').join(','));
    return done(texts.admin.grants.created(subject, pattern));
  });
}

/** Revokes a grant and leads back to the view of its button. */
export function revokeGrant(visit: AdminVisit, id: string): Promise<void> {
  const path = localPath(visit.form.get('next'));
  return submit(visit, { path, again: (state) => showGrants(visit, state) }, async () => {
    await visit.administration.revokeGrant(Number.isSafeInteger(Number(id)) ? Number(id) : 0);
    return done(visit.texts.admin.grants.revoked);
  });
}
