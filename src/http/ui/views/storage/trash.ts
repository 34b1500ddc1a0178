import type { Principal } from '../../../../access/permissions/principal.ts';
import type { StorageView } from '../../../overviews/storage-view.ts';
import { digestCode } from '../../parts/digest.ts';
import { table } from '../../parts/table.ts';
import { relativeTime } from '../../parts/time.ts';
import { type Html, html } from '../../shell/html.ts';
import type { Reader } from './figures.ts';

type Entry = Awaited<ReturnType<StorageView['trash']>>[number];

const pageSize = 50;

/** Shows the trash of all repositories that the visitor may delete from, newest first. */
export async function trashContent(
  reader: Reader,
  storage: Pick<StorageView, 'trash'>,
  visitor: Principal,
  query: URLSearchParams,
): Promise<Html> {
  const { allTrash, trash, paging } = reader.texts;
  const before = Number(query.get('before') ?? Number.MAX_SAFE_INTEGER);
  const entries = Number.isSafeInteger(before) ? await storage.trash(visitor, before, pageSize) : [];
  if (entries.length === 0) return html`<p>${allTrash.none}</p>`;
  const last = entries.length === pageSize ? entries.at(-1)?.id : undefined;
  const columns = [allTrash.repository, trash.image, trash.tags, trash.deleted, trash.by, trash.purge, trash.actions];
  return html`<p class="quiet">${trash.help}</p>
    ${table(
      allTrash.caption,
      columns,
      entries.map((entry) => rowOf(reader, entry)),
    )}
    ${last === undefined ? undefined : html`<p><a rel="next" href="?before=${last}">${paging.next}</a></p>`}`;
}

function rowOf({ texts: { trash, history }, language, now }: Reader, entry: Entry) {
  const { id, repository, digest, manifests, tags, deletedAt, actor, purgeAt } = entry;
  return {
    heading: html`<a href="/ui/r/${repository}/-/trash">${repository}</a>`,
    cells: [
      html`${digestCode(digest)} <span class="quiet">${trash.manifests(manifests)}</span>`,
      tags.length === 0 ? html`<span class="quiet">${trash.untagged}</span>` : tags.join(', '),
      relativeTime(deletedAt, now, language),
      actor === '' ? history.berth : actor,
      relativeTime(purgeAt, now, language),
      html`<form class="inline" method="post" action="/ui/r/${repository}/-/trash/restore">
        <input type="hidden" name="entry" value="${id}" />
        <button aria-label="${trash.restore}: ${repository} ${tags[0] ?? digest}">${trash.restore}</button>
      </form>`,
    ],
  };
}
