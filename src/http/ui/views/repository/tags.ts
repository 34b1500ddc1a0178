import type { ListedTag, TagOrder } from '../../../../catalog/tag-lists.ts';
import { pullFields, pushFields } from '../../parts/commands.ts';
import { copiedDigest } from '../../parts/digest.ts';
import { renderMarkdown } from '../../parts/markdown.ts';
import { pagingBothWays } from '../../parts/paging.ts';
import { byteSize } from '../../parts/size.ts';
import { type Sorting, sortColumn, sortingOf } from '../../parts/sorting.ts';
import { table } from '../../parts/table.ts';
import { relativeTime } from '../../parts/time.ts';
import { type Html, html } from '../../shell/html.ts';
import { originChips, starForm } from '../catalog/repository-table.ts';
import { localPath } from '../../shell/local-path.ts';
import { redirect } from '../../shell/redirect.ts';
import { type RepositoryVisit, sendRepositoryView } from './repository-view.ts';

const pageSize = 50;
const longestText = 300;
const orders: readonly TagOrder[] = ['name', 'pushed', 'pulled', 'size'];

/** Shows the tags of the repository, the newest first, with what to select for deletion, and its README. */
export async function showTags(visit: RepositoryVisit): Promise<void> {
  const { catalog, repository, query, texts, host, may } = visit;
  const sorting = sortingOf(query, orders, 'pushed');
  const text = (name: string) => query.get(name)?.slice(0, longestText);
  const prefix = text('prefix') ?? '';
  const request = { ...sorting, prefix, limit: pageSize, after: text('after'), before: text('before') };
  const [page, written, summary] = await Promise.all([
    catalog.tags(repository, request),
    catalog.texts.find(repository),
    about(visit),
  ]);
  const [first] = page.items;
  const readme = written.readme === '' ? undefined : await renderMarkdown(written.readme);
  const content = html`${summary}
  ${
    first &&
    html`<h2>${texts.tags.pull}</h2>
      ${pullFields(texts, `${host}/${repository}:${first.name}`)}`
  }
  ${first || prefix !== '' ? filter(visit, prefix) : undefined}
  ${first ? tagList(visit, page.items, sorting) : html`<p>${prefix === '' ? texts.tags.none : texts.tags.noneFound}</p>`}
  ${first && pagingBothWays(texts, query, page)}
  ${
    readme &&
    html`<section class="readme" aria-label="${texts.tags.readme}">
      <h2>${texts.tags.readme}</h2>
      ${readme}
    </section>`
  }
  ${
    may.admin && written.readme === ''
      ? html`<p><a href="/ui/r/${repository}/-/settings#description">${texts.tags.describe}</a></p>`
      : undefined
  }
  ${
    may.push
      ? html`<h2>${texts.tags.push}</h2>
          ${pushFields(`${host}/${repository}:TAG`)}`
      : undefined
  }`;
  sendRepositoryView(visit, 'tags', content);
}

/** Stars the repository, or takes the star away, and leads back. */
export async function setStar(visit: RepositoryVisit): Promise<void> {
  const { catalog, visitor, repository, form } = visit;
  await catalog.setStar(visitor, repository, form.get('star') === 'on');
  redirect(visit.response, localPath(form.get('next') ?? `/ui/r/${repository}`));
}

/** What the repository is, its visibility and its star. */
async function about({ catalog, visitor, repository, texts, language, now }: RepositoryVisit): Promise<Html | undefined> {
  const entry = await catalog.repository(visitor, repository);
  if (!entry) return undefined;
  const context = { texts, language, now, hasStars: visitor.kind === 'user', path: `/ui/r/${repository}` };
  return html`<div class="about">
    ${starForm(context, entry)} ${entry.description === '' ? undefined : html`<span>${entry.description}</span>`}
    ${originChips(texts, entry)} <span class="quiet">${byteSize(entry.sizeBytes)}</span>
  </div>`;
}

function filter({ repository, texts, query }: RepositoryVisit, prefix: string): Html {
  const kept = ['sort', 'direction'].flatMap((name) => {
    const value = query.get(name);
    return value === null ? [] : html`<input type="hidden" name="${name}" value="${value}" />`;
  });
  return html`<form class="filter" method="get" action="/ui/r/${repository}">
    ${kept}
    <label>${texts.tags.filter} <input type="search" name="prefix" value="${prefix}" maxlength="128" /></label>
    <button>${texts.tags.show}</button>
  </form>`;
}

function tagList(visit: RepositoryVisit, tags: readonly ListedTag[], sorting: Sorting<TagOrder>): Html {
  const { repository, may, texts, query } = visit;
  const words = texts.tags;
  const columns = [
    sortColumn(words.tag, 'name', sorting, query),
    words.digest,
    sortColumn(words.size, 'size', sorting, query),
    sortColumn(words.pushed, 'pushed', sorting, query),
    sortColumn(words.pulled, 'pulled', sorting, query),
  ];
  const rows = tags.map((tag) => ({ heading: headingOf(visit, tag), cells: cellsOf(visit, tag) }));
  const list = table(words.caption(repository), columns, rows);
  if (!may.delete) return list;
  return html`<form method="post" action="/ui/r/${repository}/-/tags/delete">
    ${list}
    <p class="quiet">${texts.deletion.help}</p>
    <button name="action" value="delete" class="danger">${texts.deletion.delete}</button>
    <button name="action" value="untag">${texts.deletion.untag}</button>
  </form>`;
}

function headingOf({ repository, may, texts }: RepositoryVisit, { name, otherNames, isSigned, hasSbom }: ListedTag): Html {
  const words = texts.tags;
  const box = may.delete
    ? html`<input type="checkbox" name="tag" value="${name}" aria-label="${texts.deletion.select(name)}" />`
    : undefined;
  return html`${box}
    <a href="/ui/r/${repository}:${name}">${name}</a>
    ${otherNames.map((other) => html`<span class="chip">${words.same(other)}</span> `)}
    ${isSigned ? html`<span class="chip" title="${words.signedTitle}">${words.signed}</span>` : undefined}
    ${hasSbom ? html`<span class="chip">${words.sbom}</span>` : undefined}`;
}

function cellsOf({ repository, texts, language, now }: RepositoryVisit, tag: ListedTag): readonly Html[] {
  const words = texts.tags;
  return [
    copiedDigest(tag.digest),
    platformsOf(texts.tags, tag),
    html`<a href="/ui/r/${repository}/-/history?tag=${tag.name}">${relativeTime(tag.taggedAt, now, language)}</a>
      ${tag.taggedBy === undefined || tag.taggedBy === '' ? undefined : html`<span class="quiet">${words.by(tag.taggedBy)}</span>`}`,
    tag.pulledAt === undefined
      ? html`<span class="quiet">${words.neverPulled}</span>`
      : relativeTime(tag.pulledAt, now, language),
  ];
}

/** Shows the download of each platform; of an artifact its kind. */
function platformsOf(words: RepositoryVisit['texts']['tags'], { kind, platforms }: ListedTag): Html {
  const known = platforms.filter(({ platform }) => platform !== '');
  if (known.length === 0) {
    const [only] = platforms;
    return html`<span class="chip">${words.kinds[kind]}</span>
      ${only?.downloadBytes === undefined ? undefined : byteSize(only.downloadBytes)}`;
  }
  return html`<ul class="platforms">
    ${known.map(
      ({ platform, downloadBytes }) =>
        html`<li>
          ${platform.replace(/^linux\//, '')}
          ${downloadBytes === undefined ? html`<span class="quiet">${words.unknownSize}</span>` : byteSize(downloadBytes)}
        </li>`,
    )}
  </ul>`;
}
