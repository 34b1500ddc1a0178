import { paging } from '../../parts/paging.ts';
import { table } from '../../parts/table.ts';
import { relativeTime } from '../../parts/time.ts';
import { html } from '../../shell/html.ts';
import { type AdminVisit, numberAfter, pageSize, pathTo, sendAdminView } from './admin-view.ts';

/** Shows the audit log, newest line first: `?actor=` and `?target=` choose lines. */
export async function showAudit(visit: AdminVisit): Promise<void> {
  const { directory, query, texts, language, now } = visit;
  const { audit } = texts.admin;
  const [actor, target] = [textOf(query, 'actor'), textOf(query, 'target')];
  const filter = { actor: actor === '' ? undefined : actor, target: target === '' ? undefined : target };
  const { items, next } = await directory.listAuditLines(filter, { after: numberAfter(query) || undefined, limit: pageSize });
  const rows = items.map((line) => ({
    heading: relativeTime(line.at, now, language),
    cells: [
      line.actor === '' ? audit.nobody : html`<a href="?actor=${encodeURIComponent(line.actor)}">${line.actor}</a>`,
      line.address,
      line.action,
      line.target === '' ? '' : html`<a href="?target=${encodeURIComponent(line.target)}">${line.target}</a>`,
      line.result === 'done'
        ? html`<span class="chip ok">${audit.done}</span>`
        : html`<span class="chip bad">${audit.refused}</span>`,
      line.detail === undefined ? '' : html`<code>${JSON.stringify(line.detail)}</code>`,
    ],
  }));
  const columns = [audit.time, audit.actor, audit.address, audit.action, audit.target, audit.result, audit.detail];
  const content = html`<form class="filter" method="get" action="${pathTo('audit')}">
      <label>${audit.actor} <input type="search" name="actor" value="${actor}" maxlength="256" /></label>
      <label>${audit.target} <input name="target" value="${target}" maxlength="256" /></label>
      <button>${texts.admin.show}</button>
    </form>
    ${rows.length === 0 ? html`<p>${audit.none}</p>` : table(audit.caption, columns, rows)} ${paging(texts, query, next)}`;
  sendAdminView(visit, 'audit', content);
}

function textOf(query: URLSearchParams, name: string): string {
  return (query.get(name) ?? '').trim().slice(0, 256).replaceAll('\0', '');
}
