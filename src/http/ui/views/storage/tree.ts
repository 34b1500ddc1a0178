import type { UsagePart, UsageTree } from '../../../../maintenance/usage/usage-tree.ts';
import { byteSize } from '../../parts/size.ts';
import { table } from '../../parts/table.ts';
import { type Html, html } from '../../shell/html.ts';
import type { Texts } from '../../texts/english/texts.ts';
import { treemapOf } from './treemap.ts';

/** Shows one level of what is stored: as areas, and as a table with the same figures. */
export function treeSection(texts: Texts, tree: UsageTree): Html {
  const { tree: names } = texts.storage;
  const title = { all: names.all, namespace: names.namespace(tree.at), repository: names.repository(tree.at) }[tree.level];
  const heading = html`<h2 id="tree">${title}</h2>
    ${trail(texts, tree)}`;
  if (tree.parts.length === 0)
    return html`${heading}
      <p class="quiet">${names.none}</p>`;
  const areas = tree.parts.map((part) => ({ ...part, name: nameOf(texts, tree, part), href: hrefOf(tree, part) }));
  return html`${heading} ${treemapOf(areas, names.chart)} ${partsTable(texts, tree, title)}
    <p class="quiet">
      ${tree.level === 'repository' ? undefined : names[tree.shared]} ${tree.shared === 'once' ? names.chartHelp : undefined}
      ${tree.isPartial ? names.partial : undefined}
    </p>`;
}

/** The levels above this one. */
function trail({ storage: { tree: names } }: Texts, { at, level }: UsageTree): Html | undefined {
  if (level === 'all') return undefined;
  const namespace = at.split('/', 1)[0] ?? '';
  return html`<nav class="trail" aria-label="${names.name}">
    <a href="/ui/storage#tree">${names.everything}</a>
    ${level === 'repository' ? html`<a href="${linkTo(`${namespace}/`)}">${namespace}/</a>` : undefined}
    <span aria-current="page">${at}</span>
  </nav>`;
}

function partsTable(texts: Texts, tree: UsageTree, title: string): Html {
  const { storage } = texts;
  const hasOwn = tree.shared === 'once' && tree.level !== 'repository';
  const columns = [storage.tree.name, storage.size, ...(hasOwn ? [storage.tree.own, storage.tree.shared] : []), storage.share];
  const rows = tree.parts.map((part) => {
    const name = nameOf(texts, tree, part);
    const href = hrefOf(tree, part);
    const { bytes, ownBytes = 0, repositories } = part;
    const counted = repositories !== undefined && html` <span class="quiet">${storage.repositories(repositories)}</span>`;
    return {
      heading: html`${href === undefined ? name : html`<a href="${href}">${name}</a>`}${counted || undefined}`,
      cells: [
        byteSize(bytes),
        ...(hasOwn ? [byteSize(ownBytes), byteSize(bytes - ownBytes)] : []),
        shareMeter(name, bytes, tree.bytes),
      ],
    };
  });
  return table(title, columns, rows);
}

/** Shows a part of the whole. */
export function shareMeter(name: string, bytes: number, all: number): Html {
  const percent = all === 0 ? 0 : Math.round((bytes / all) * 100);
  return html`<span class="share"
    ><meter min="0" max="100" value="${percent}" aria-label="${name}">${percent} %</meter> ${percent} %</span
  >`;
}

function nameOf({ storage: { tree: names } }: Texts, { level }: UsageTree, { kind, name }: UsagePart): string {
  if (kind !== 'other') return kind === 'namespace' ? `${name}/` : name;
  return level === 'repository' ? names.otherImages : names.other;
}

function hrefOf({ at }: UsageTree, { kind, name, digest }: UsagePart): string | undefined {
  if (kind === 'namespace') return linkTo(`${name}/`);
  if (kind === 'repository') return linkTo(name);
  return digest === undefined ? undefined : `/ui/r/${at}@${digest}`;
}

function linkTo(at: string): string {
  return `/ui/storage?at=${at}#tree`;
}
