import { kindOfManifest } from '../../../../oci/media-types.ts';
import type { TagRecord } from '../../../../registry/listings.ts';
import { pullFields, pushFields } from '../../parts/commands.ts';
import { digestCode } from '../../parts/digest.ts';
import { paging } from '../../parts/paging.ts';
import { table } from '../../parts/table.ts';
import { relativeTime } from '../../parts/time.ts';
import { type Html, html } from '../../shell/html.ts';
import { type RepositoryVisit, sendRepositoryView } from './repository-view.ts';

const pageSize = 50;

/** Shows the tags of the repository by name, with what to select for deletion. */
export async function showTags(visit: RepositoryVisit): Promise<void> {
  const { catalog, repository, query, texts, host, may } = visit;
  const { items, more } = await catalog.tags(repository, (query.get('after') ?? '').slice(0, 255), pageSize);
  const [first] = items;
  const content = html`${
    first &&
    html`<h2>${texts.tags.pull}</h2>
      ${pullFields(texts, `${host}/${repository}:${first.name}`)}`
  }
  ${first ? tagList(visit, items) : html`<p>${texts.tags.none}</p>`}
  ${paging(texts, query, more ? items.at(-1)?.name : undefined)}
  ${
    may.push
      ? html`<h2>${texts.tags.push}</h2>
          ${pushFields(`${host}/${repository}:TAG`)}`
      : undefined
  }`;
  sendRepositoryView(visit, 'tags', content);
}

function tagList(visit: RepositoryVisit, tags: readonly TagRecord[]): Html {
  const { repository, may, texts } = visit;
  const columns = texts.tags;
  const names = [columns.tag, columns.digest, columns.kind, columns.pushed, columns.pulled];
  const rows = tags.map((tag) => ({ heading: headingOf(visit, tag), cells: cellsOf(visit, tag, tags) }));
  const list = table(columns.caption(repository), names, rows);
  if (!may.delete) return list;
  return html`<form method="post" action="/ui/r/${repository}/-/tags/delete">
    ${list}
    <p class="quiet">${texts.deletion.help}</p>
    <button name="action" value="delete" class="danger">${texts.deletion.delete}</button>
    <button name="action" value="untag">${texts.deletion.untag}</button>
  </form>`;
}

function headingOf({ repository, may, texts }: RepositoryVisit, { name }: TagRecord): Html {
  const link = html`<a href="/ui/r/${repository}:${name}">${name}</a>`;
  if (!may.delete) return link;
  return html`<input type="checkbox" name="tag" value="${name}" aria-label="${texts.deletion.select(name)}" /> ${link}`;
}

function cellsOf(
  { repository, texts, language, now }: RepositoryVisit,
  tag: TagRecord,
  all: readonly TagRecord[],
): readonly Html[] {
  const { kinds, neverPulled } = texts.tags;
  const others = all.filter(({ digest, name }) => digest === tag.digest && name !== tag.name).map(({ name }) => name);
  return [
    html`${digestCode(tag.digest)} ${others.map((name) => html`<span class="chip">= ${name}</span> `)}`,
    html`<span class="chip">${kinds[kindOfManifest(tag.mediaType, tag.artifactType)]}</span>`,
    html`<a href="/ui/r/${repository}/-/history?tag=${tag.name}">${relativeTime(tag.updatedAt, now, language)}</a>`,
    tag.pulledAt === null ? html`<span class="quiet">${neverPulled}</span>` : relativeTime(tag.pulledAt, now, language),
  ];
}
