import type { ListedRepository } from '../../../catalog.ts';
import { byteSize, formatCount } from '../../parts/size.ts';
import { type Column, type TableRow, table } from '../../parts/table.ts';
import { relativeTime } from '../../parts/time.ts';
import { type Html, html } from '../../shell/html.ts';
import type { Texts } from '../../texts/english/texts.ts';
import type { Language } from '../../texts/languages.ts';

/** What tables of repositories need of a request. */
export interface TableContext {
  readonly texts: Texts;
  readonly language: Language;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** True if the visitor has an account, and so stars. */
  readonly hasStars: boolean;
  /** The path of the view, where the form of a star leads back to. */
  readonly path: string;
}

/** Shows repositories with their descriptions. `columns`: those of `repositoryColumns`, as they shall be shown. */
export function repositoryTable(
  context: TableContext,
  caption: string,
  rows: readonly ListedRepository[],
  columns: readonly Column[] = repositoryColumns(context.texts),
): Html {
  return table(
    caption,
    columns,
    rows.map((row) => toRow(context, row)),
  );
}

export function repositoryColumns({ repositories }: Texts): readonly string[] {
  return [repositories.name, repositories.tags, repositories.size, repositories.pushed, repositories.pulled];
}

function toRow(context: TableContext, repository: ListedRepository): TableRow {
  const { texts, language, now } = context;
  const { name, description, tags, sizeBytes, pushedAt, pulledAt } = repository;
  const time = (at: number) =>
    at === 0 ? html`<span class="quiet">${texts.repositories.never}</span>` : relativeTime(at, now, language);
  return {
    heading: html`${starForm(context, repository)} <a href="/ui/r/${name}">${name}</a> ${originChips(texts, repository)}
      ${description === '' ? undefined : html`<span class="summary">${description}</span>`}`,
    cells: [formatCount(tags), byteSize(sizeBytes), time(pushedAt), time(pulledAt)],
  };
}

/** Says whether a repository is mirrored, and who may pull it. */
export function originChips({ repositories }: Texts, { isMirrored, isPublic }: ListedRepository): Html {
  const visibility = isPublic === true ? repositories.public : repositories.private;
  return html`${isMirrored ? html`<span class="chip">${repositories.mirrored}</span>` : undefined}
  ${isPublic === undefined ? undefined : html`<span class="chip">${visibility}</span>`}`;
}

/** A button that stars a repository, or takes the star away; undefined for visitors without an account. */
export function starForm(
  { texts, hasStars, path }: TableContext,
  { name, isStarred, stars }: ListedRepository,
): Html | undefined {
  if (!hasStars) return undefined;
  const { star, unstar, stars: count } = texts.repositories;
  return html`<form class="inline" method="post" action="/ui/r/${name}/-/star">
    <input type="hidden" name="next" value="${path}" />
    <button
      class="star"
      name="star"
      value="${isStarred ? 'off' : 'on'}"
      aria-pressed="${String(isStarred)}"
      aria-label="${isStarred ? unstar(name) : star(name)}"
      title="${count(stars)}"
    >
      ${isStarred ? '★' : '☆'}
    </button>
  </form>`;
}
