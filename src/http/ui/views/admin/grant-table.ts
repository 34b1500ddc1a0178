import type { ListedGrant } from '../../../../access/accounts/directory.ts';
import { table } from '../../parts/table.ts';
import { type Html, html } from '../../shell/html.ts';
import type { Texts } from '../../texts/english/texts.ts';
import { type AdminVisit, pathTo } from './admin-view.ts';

/** Shows grants with a button that revokes each. `next`: the view that the button leads back to. */
export function grantTable({ texts }: Pick<AdminVisit, 'texts'>, grants: readonly ListedGrant[], next: string): Html {
  const { admin } = texts;
  if (grants.length === 0) return html`<p>${admin.grants.none}</p>`;
  const rows = grants.map((grant) => ({
    heading: subjectLink(grant.subject),
    cells: [
      html`<code>${grant.pattern}</code>`,
      html`${grant.actions.map((action) => html`<span class="chip">${action}</span> `)}`,
      html`<form class="inline" method="post" action="${pathTo('grants')}/${grant.id}/revoke">
        <input type="hidden" name="next" value="${next}" />
        <button aria-label="${revokeLabel(texts, grant)}">${admin.revoke}</button>
      </form>`,
    ],
  }));
  const columns = [admin.grants.subject, admin.grants.pattern, admin.grants.actions, admin.revoke];
  return table(admin.grants.caption, columns, rows);
}

export function revokeLabel({ admin }: Texts, { subject, pattern }: Pick<ListedGrant, 'subject' | 'pattern'>): string {
  return admin.grants.revokeNamed(subject, pattern);
}

const viewsOfSubjects = { user: 'users', robot: 'robots', team: 'teams' } as const;

/** Shows a subject as a link to its view: `team:devs`. */
export function subjectLink(subject: string): Html {
  const [kind = '', name = ''] = subject.split(':', 2);
  if (!Object.hasOwn(viewsOfSubjects, kind)) return html`${subject}`;
  return html`<a href="${pathTo(viewsOfSubjects[kind as keyof typeof viewsOfSubjects], name)}">${subject}</a>`;
}
