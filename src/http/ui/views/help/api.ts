import type { Router } from 'express';
import type { Route } from '../../../api/table/route.ts';
import { type AsVisitor, queryOf } from '../../session/visitors.ts';
import { table } from '../../parts/table.ts';
import { type Html, html } from '../../shell/html.ts';
import { sendPage } from '../../shell/page.ts';
import { textsOf } from '../../shell/preferences.ts';
import type { Texts } from '../../texts/english/texts.ts';

export interface ApiViewOptions {
  readonly asAnybody: AsVisitor;
  /** False in mode open. */
  readonly hasAccounts: boolean;
}

/** Adds `/ui/api`: the rows of the API as a table, `?q=` those with these words. */
export function addApi(router: Router, { asAnybody, hasAccounts }: ApiViewOptions): void {
  router.get(
    '/api',
    asAnybody(async (visitor, request, response) => {
      // The table loads the schemas: a mirror in mode open may never need them.
      const { routesOf } = await import('../../../api/routes.ts');
      const texts = textsOf(request);
      const { api } = texts;
      const wanted = (queryOf(request).get('q') ?? '').trim().slice(0, 100);
      const words = wanted.toLowerCase().split(/\s+/);
      const rows = routesOf({ hasAccounts }).filter((row) => {
        const text = `${row.method} ${row.path} ${row.summary}`.toLowerCase();
        return words.every((word) => text.includes(word));
      });
      const content = html`<p>${api.help}</p>
        <p><a class="button" href="/api/v1/openapi.json">${api.document}</a></p>
        <form class="filter" method="get" action="/ui/api">
          <label>${api.filter} <input type="search" name="q" value="${wanted}" maxlength="100" /></label>
          <button>${api.show}</button>
        </form>
        ${
          rows.length === 0
            ? html`<p>${api.none}</p>`
            : table(
                api.caption,
                columnsOf(texts),
                rows.map((row) => rowOf(texts, row)),
              )
        }`;
      sendPage(response, 200, { title: api.title, user: visitor.name, content });
    }),
  );
}

function columnsOf({ api }: Texts): readonly string[] {
  return [api.request, api.does, api.parameters, api.needs];
}

function rowOf({ api }: Texts, { method, path, summary, needs, query, body }: Route) {
  const names = [...Object.keys(query?.shape ?? {}), ...Object.keys(body?.shape ?? {})];
  return {
    heading: html`<code class="request">${`${method} /api/v1${path}`}</code>`,
    cells: [summary, names.length === 0 ? '' : html`<code>${names.join(', ')}</code>`, needsOf(api, needs)],
  };
}

function needsOf({ needsTexts }: Texts['api'], needs: Route['needs']): Html {
  if (typeof needs !== 'object') return html`${needsTexts[needs]}`;
  return html`${'adminOf' in needs ? needsTexts.adminOf : needsTexts.action(needs.action)}`;
}
