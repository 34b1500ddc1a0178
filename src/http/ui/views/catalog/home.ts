import { loginCommand, pushFields } from '../../parts/commands.ts';
import { copyField } from '../../parts/copy-field.ts';
import { type Html, html } from '../../shell/html.ts';
import { installationSection } from './installation.ts';
import { repositoryTable } from './repository-table.ts';
import type { CatalogVisit } from './visit.ts';

const rows = 10;

/** Shows what the visitor has starred and what was pushed last, or how to push; to operators also what to look at. */
export async function showHome(visit: CatalogVisit): Promise<Html> {
  const { catalog, visitor, texts, hasStars } = visit;
  const request = { prefix: '', limit: rows, order: 'pushed' } as const;
  const [latest, starred, installation] = await Promise.all([
    catalog.repositories(visitor, request),
    hasStars ? catalog.repositories(visitor, { ...request, order: 'name', isStarred: true }) : undefined,
    visit.installation?.(),
  ]);
  const state = installation && installationSection(texts, installation);
  if (latest.items.length === 0) return html`${firstPush(visit)} ${state}`;
  const { home } = texts;
  return html`${
      starred && starred.items.length > 0
        ? html`<h2>${home.starred}</h2>
            ${repositoryTable(visit, home.starredCaption, starred.items)}`
        : undefined
    }
    <h2>${home.latest}</h2>
    ${repositoryTable(visit, home.latestCaption, latest.items)}
    <p><a href="/ui/repositories">${home.all}</a></p>
    ${state}`;
}

/** Says how to push, where there is nothing that the visitor may pull. */
export function firstPush({ texts, host, visitor }: CatalogVisit): Html {
  const { none, firstPush: title, firstPushHelp } = texts.repositories;
  return html`<p>${none}</p>
    <h2>${title}</h2>
    <p>${firstPushHelp}</p>
    ${visitor.name === '' ? undefined : copyField(loginCommand(host, visitor.name))} ${pushFields(`${host}/NAME`)}
    <p class="actions">
      <a class="button" href="/ui/upload">${texts.home.upload}</a>
      <a class="button" href="/ui/setup">${texts.nav.setup}</a>
    </p>`;
}
