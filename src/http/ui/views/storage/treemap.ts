import { type HierarchyRectangularNode, hierarchy, treemap } from 'd3-hierarchy';
import { formatBytes } from '../../parts/size.ts';
import { type Html, html } from '../../shell/html.ts';

/** An area of the chart. */
export interface Area {
  readonly name: string;
  readonly bytes: number;
  /** The part of `bytes` that only it needs; undefined: unknown. */
  readonly ownBytes: number | undefined;
  /** Where the area leads to; undefined: it is no link. */
  readonly href: string | undefined;
}

interface Node {
  readonly area?: Area;
  readonly children?: readonly Node[];
}

const width = 960;
const height = 320;
/** Areas smaller than this are no links, since they could not be hit (WCAG 2.5.8), and have no text. */
const smallest = 26;
/** Widths of characters are not known on the server: this is more than most have at this size. */
const characterWidth = 8;

/** Shows sizes as areas. The table beside it has the same figures and links, also those of areas that are too small. */
export function treemapOf(areas: readonly Area[], label: string): Html {
  const root = hierarchy<Node>({ children: areas.filter(({ bytes }) => bytes > 0).map((area) => ({ area })) }).sum(
    ({ area }) => area?.bytes ?? 0,
  );
  const leaves = treemap<Node>().size([width, height]).paddingInner(3).round(true)(root).leaves();
  return html`<svg class="treemap" viewBox="0 0 ${width} ${height}" role="group" aria-label="${label}">${leaves.map(cell)}</svg>`;
}

function cell({ data: { area }, x0, x1, y0, y1 }: HierarchyRectangularNode<Node>): Html {
  if (!area) return html``;
  const [w, h] = [x1 - x0, y1 - y0];
  const own = Math.round(w * Math.min(1, (area.ownBytes ?? 0) / area.bytes));
  const content = html`<title>${area.name} ${formatBytes(area.bytes)}</title>
    <rect class="area" x="${x0}" y="${y0}" width="${w}" height="${h}" />
    ${
      area.ownBytes === undefined || h < smallest
        ? undefined
        : html`<rect class="own" x="${x0}" y="${y1 - 6}" width="${own}" height="6" />`
    }
    ${textOf(area, x0, y0, w, h)}`;
  if (area.href === undefined || w < smallest || h < smallest) return html`<g>${content}</g>`;
  return html`<a href="${area.href}">${content}</a>`;
}

function textOf({ name, bytes }: Area, x: number, y: number, w: number, h: number): Html | undefined {
  const characters = Math.floor((w - 12) / characterWidth);
  if (h < 30 || characters < 4) return undefined;
  const size = formatBytes(bytes);
  const second = h < 48 || size.length > characters ? undefined : html`<text x="${x + 8}" y="${y + 36}">${size}</text>`;
  return html`<text class="name" x="${x + 8}" y="${y + 19}">${shortened(name, characters)}</text>${second}`;
}

function shortened(name: string, characters: number): string {
  return name.length <= characters ? name : `${name.slice(0, characters - 1)}…`;
}
