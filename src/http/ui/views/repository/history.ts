import { parseDigest } from '../../../../oci/digest.ts';
import { OciError } from '../../../../oci/errors.ts';
import { parseTag } from '../../../../oci/reference.ts';
import { digestCode, shortDigest } from '../../parts/digest.ts';
import { table } from '../../parts/table.ts';
import { relativeTime } from '../../parts/time.ts';
import { type Html, html } from '../../shell/html.ts';
import { type RepositoryVisit, goTo, refusalOf, sendRepositoryView } from './repository-view.ts';

type Move = Awaited<ReturnType<RepositoryVisit['registry']['tagHistory']['list']>>[number];

const pageSize = 50;
/** Tags to choose from. */
const offeredTags = 20;

/** Shows where a tag has pointed, `?tag=`, with a button for each former manifest. */
export async function showHistory(visit: RepositoryVisit): Promise<void> {
  const { registry, repository, query, texts } = visit;
  const name = query.get('tag') ?? '';
  const tag = parseTag(name);
  const before = Number(query.get('before') ?? Number.MAX_SAFE_INTEGER);
  const moves = tag && Number.isSafeInteger(before) ? await registry.tagHistory.list(repository, tag, before, pageSize) : [];
  const last = moves.length === pageSize ? moves.at(-1)?.id : undefined;
  const content = html`<form class="filter" method="get" action="/ui/r/${repository}/-/history">
      <label>${texts.history.tag} <input type="search" name="tag" value="${name}" maxlength="128" required /></label>
      <button>${texts.history.show}</button>
    </form>
    ${tag ? historyTable(visit, tag, moves) : await tagChoice(visit)}
    ${last === undefined ? undefined : html`<p><a rel="next" href="?${nextQuery(name, last)}">${texts.paging.next}</a></p>`}`;
  sendRepositoryView(visit, 'history', content);
}

/** Offers the tags that were pushed last. */
async function tagChoice({ catalog, repository, texts }: RepositoryVisit): Promise<Html | undefined> {
  const { items } = await catalog.tags(repository, { order: 'pushed', prefix: '', limit: offeredTags });
  if (items.length === 0) return undefined;
  return html`<p>${texts.history.choose}</p>
    <p>
      ${items.map(({ name }) => html`<a class="chip" href="?${new URLSearchParams({ tag: name }).toString()}">${name}</a> `)}
    </p>`;
}

function nextQuery(tag: string, before: number): string {
  return new URLSearchParams({ tag, before: String(before) }).toString();
}

function historyTable({ repository, may, texts, language, now }: RepositoryVisit, tag: string, moves: readonly Move[]): Html {
  const { history } = texts;
  if (moves.length === 0) return html`<p>${history.none}</p>`;
  const rows = moves.map(({ at, from, to, actor, reason }) => ({
    heading: relativeTime(at, now, language),
    cells: [
      actor === '' ? history.berth : actor,
      from === null ? html`<span class="quiet">${history.isNew}</span>` : digestCode(from),
      to === null ? html`<span class="quiet">${history.isDeleted}</span>` : digestCode(to),
      reason,
      from === null || !may.push ? '' : restoreButton(texts, repository, tag, from),
    ],
  }));
  const columns = [history.when, history.who, history.from, history.to, history.why, history.restore];
  return html`<h2>${history.title(tag)}</h2>
    ${table(history.caption, columns, rows)}`;
}

function restoreButton({ history }: RepositoryVisit['texts'], repository: string, tag: string, digest: string): Html {
  return html`<form method="post" action="/ui/r/${repository}/-/history/restore">
    <input type="hidden" name="tag" value="${tag}" />
    <input type="hidden" name="digest" value="${digest}" />
    <button aria-label="${history.restoreTo(shortDigest(digest))}">${history.restore}</button>
  </form>`;
}

/** Lets a tag point at a former manifest again, and reports a refusal on the view. */
export async function restoreTag(visit: RepositoryVisit): Promise<void> {
  const { registry, repository, form, author, texts } = visit;
  const tag = parseTag(form.get('tag') ?? '');
  const wanted = parseDigest(form.get('digest') ?? '');
  if (!tag || !wanted) throw new OciError('MANIFEST_UNKNOWN');
  try {
    const { digest } = await registry.tagHistory.restore(repository, tag, wanted, author);
    visit.leaveNotice({ kind: 'done', lines: [texts.notice.tagRestored(tag, digest)] });
  } catch (error) {
    visit.leaveNotice({ kind: 'wrong', lines: [refusalOf(error)] });
  }
  goTo(visit, 'history', `?${new URLSearchParams({ tag }).toString()}`);
}
