import { OciError } from '../../../../oci/errors.ts';
import { digestCode } from '../../parts/digest.ts';
import { table } from '../../parts/table.ts';
import { relativeTime } from '../../parts/time.ts';
import { type Html, html } from '../../shell/html.ts';
import { type RepositoryVisit, goTo, refusalOf, sendRepositoryView } from './repository-view.ts';

type Entry = Awaited<ReturnType<RepositoryVisit['registry']['trash']['list']>>[number];

const pageSize = 50;

/** Shows deleted images that can be restored, newest first. */
export async function showTrash(visit: RepositoryVisit): Promise<void> {
  const { registry, repository, query, texts } = visit;
  const before = Number(query.get('before') ?? Number.MAX_SAFE_INTEGER);
  const entries = Number.isSafeInteger(before) ? await registry.trash.list(repository, before, pageSize) : [];
  const last = entries.length === pageSize ? entries.at(-1)?.id : undefined;
  const { trash, paging } = texts;
  const columns = [trash.image, trash.tags, trash.deleted, trash.by, trash.purge, trash.actions];
  const list = table(
    trash.caption,
    columns,
    entries.map((entry) => rowOf(visit, entry)),
  );
  const content = html`<p class="quiet">${trash.help}</p>
    ${entries.length === 0 ? html`<p>${trash.none}</p>` : list}
    ${last === undefined ? undefined : html`<p><a rel="next" href="?before=${last}">${paging.next}</a></p>`}`;
  sendRepositoryView(visit, 'trash', content);
}

function rowOf({ repository, texts, language, now }: RepositoryVisit, entry: Entry) {
  const { trash, history } = texts;
  return {
    heading: html`${digestCode(entry.digest)} <span class="quiet">${trash.manifests(entry.manifests)}</span>`,
    cells: [
      entry.tags.length === 0 ? html`<span class="quiet">${trash.untagged}</span>` : entry.tags.join(', '),
      relativeTime(entry.deletedAt, now, language),
      entry.actor === '' ? history.berth : entry.actor,
      relativeTime(entry.purgeAt, now, language),
      html`${button(repository, 'restore', entry, trash.restore)} ${button(repository, 'empty', entry, trash.empty)}`,
    ],
  };
}

function button(repository: string, action: 'restore' | 'empty', { id, digest, tags }: Entry, label: string): Html {
  return html`<form class="inline" method="post" action="/ui/r/${repository}/-/trash/${action}">
    <input type="hidden" name="entry" value="${id}" />
    <button aria-label="${label}: ${tags[0] ?? digest}">${label}</button>
  </form>`;
}

/** Returns the ids of the form. Throws MANIFEST_UNKNOWN if there is none. */
function entriesOf(form: URLSearchParams): readonly number[] {
  const ids = form.getAll('entry').map(Number);
  if (ids.length === 0 || !ids.every(Number.isSafeInteger)) throw new OciError('MANIFEST_UNKNOWN');
  return ids;
}

/** Restores entries, and reports each. */
export async function restoreEntries(visit: RepositoryVisit): Promise<void> {
  const { registry, repository, form, author, texts } = visit;
  const lines: string[] = [];
  let kind: 'done' | 'wrong' = 'done';
  for (const id of entriesOf(form)) {
    try {
      const { tags } = await registry.trash.restore(repository, id, { author });
      const names = tags.map(({ name }) => name).join(', ');
      lines.push(names === '' ? texts.notice.restoredUntagged : texts.notice.restored(names));
    } catch (error) {
      lines.push(refusalOf(error));
      kind = 'wrong';
    }
  }
  visit.leaveNotice({ kind, lines });
  goTo(visit, kind === 'done' ? 'tags' : 'trash');
}

/** Deletes an entry for good. */
export async function emptyEntry(visit: RepositoryVisit): Promise<void> {
  const { registry, repository, form, author, texts } = visit;
  await registry.trash.empty({ repository, ids: entriesOf(form) }, author);
  visit.leaveNotice({ kind: 'done', lines: [texts.notice.purged] });
  goTo(visit, 'trash');
}
