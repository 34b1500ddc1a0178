import type { Router } from 'express';
import type { Catalog } from '../../catalog.ts';
import type { PublicUrl } from '../../server/public-url.ts';
import { pushFields } from '../parts/commands.ts';
import { paging } from '../parts/paging.ts';
import { table } from '../parts/table.ts';
import { type AsVisitor, queryOf } from '../session/visitors.ts';
import { type Html, html } from '../shell/html.ts';
import { sendPage } from '../shell/page.ts';
import { textsOf } from '../shell/preferences.ts';
import type { Texts } from '../texts/english/texts.ts';

const pageSize = 50;

export interface RepositoriesOptions {
  readonly catalog: Pick<Catalog, 'repositories'>;
  readonly publicUrl: PublicUrl;
  readonly asVisitor: AsVisitor;
}

/** Adds `/ui`: the repositories that the visitor may pull; with `?prefix=` those whose names begin with it. */
export function addRepositories(router: Router, { catalog, publicUrl, asVisitor }: RepositoriesOptions): void {
  router.get(
    '/',
    asVisitor(async (visitor, request, response) => {
      const texts = textsOf(request);
      const query = queryOf(request);
      const prefix = (query.get('prefix') ?? '').slice(0, 255);
      const { items, more } = await catalog.repositories(visitor, prefix, (query.get('after') ?? '').slice(0, 255), pageSize);
      const content = html`${filter(texts, prefix)}
      ${items.length > 0 ? repositoryTable(texts, items) : nothing(texts, prefix, new URL(publicUrl.base(request)).host)}
      ${paging(texts, query, more ? items.at(-1) : undefined)}`;
      sendPage(response, 200, { title: texts.repositories.title, user: visitor.name, current: 'repositories', content });
    }),
  );
}

function filter(texts: Texts, prefix: string): Html {
  return html`<form class="filter" method="get" action="/ui">
    <label>${texts.repositories.prefix} <input type="search" name="prefix" value="${prefix}" maxlength="255" /></label>
    <button>${texts.repositories.show}</button>
  </form>`;
}

function repositoryTable(texts: Texts, names: readonly string[]): Html {
  const rows = names.map((name) => ({ heading: html`<a href="/ui/r/${name}">${name}</a>`, cells: [] }));
  return table(texts.repositories.caption, [texts.repositories.name], rows);
}

function nothing(texts: Texts, prefix: string, host: string): Html {
  if (prefix !== '') return html`<p>${texts.repositories.noneWithPrefix(prefix)}</p>`;
  return html`<p>${texts.repositories.none}</p>
    <h2>${texts.repositories.firstPush}</h2>
    <p>${texts.repositories.firstPushHelp}</p>
    ${pushFields(`${host}/NAME`)}`;
}
