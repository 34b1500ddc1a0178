import type { Router } from 'express';
import type { Principal } from '../../../access/permissions/principal.ts';
import type { Listings, Page } from '../../../registry/listings.ts';
import type { AccessControl } from '../../auth/access-control.ts';
import type { PublicUrl } from '../../server/public-url.ts';
import { pageOf } from '../../v2/listings.ts';
import { pushFields } from '../parts/commands.ts';
import { paging } from '../parts/paging.ts';
import { table } from '../parts/table.ts';
import { type AsVisitor, queryOf } from '../session/visitors.ts';
import { type Html, html } from '../shell/html.ts';
import { sendPage } from '../shell/page.ts';
import { textsOf } from '../shell/preferences.ts';
import type { Texts } from '../texts/english.ts';

const pageSize = 50;

export interface RepositoriesOptions {
  readonly listings: Pick<Listings, 'repositories'>;
  readonly access: Pick<AccessControl, 'visible'>;
  readonly publicUrl: PublicUrl;
  readonly asVisitor: AsVisitor;
}

/** Adds `/ui`: the repositories that the visitor may pull; with `?prefix=` those whose names begin with it. */
export function addRepositories(router: Router, { listings, access, publicUrl, asVisitor }: RepositoriesOptions): void {
  async function list(visitor: Principal, prefix: string, after: string): Promise<Page<string>> {
    const start = after > prefix ? after : justBefore(prefix);
    const names = access.visible(visitor, start);
    const { items, more } = names ? await pageOf(names, pageSize) : await listings.repositories(start, pageSize);
    const found = items.filter((name) => name.startsWith(prefix));
    return { items: found, more: more && found.length === items.length };
  }

  router.get(
    '/',
    asVisitor(async (visitor, request, response) => {
      const texts = textsOf(request);
      const query = queryOf(request);
      const prefix = (query.get('prefix') ?? '').slice(0, 255);
      const { items, more } = await list(visitor, prefix, (query.get('after') ?? '').slice(0, 255));
      const content = html`${filter(texts, prefix)}
      ${items.length > 0 ? repositoryTable(texts, items) : nothing(texts, prefix, new URL(publicUrl.base(request)).host)}
      ${paging(texts, query, more ? items.at(-1) : undefined)}`;
      sendPage(response, 200, { title: texts.repositories.title, user: visitor.name, current: 'repositories', content });
    }),
  );
}

/** Returns a text that is less than every text that begins with `prefix`, and greater than every name that is less than those. */
function justBefore(prefix: string): string {
  if (prefix === '') return '';
  // `~` is greater than every character of a name.
  return `${prefix.slice(0, -1)}${String.fromCharCode(prefix.charCodeAt(prefix.length - 1) - 1)}~`;
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
