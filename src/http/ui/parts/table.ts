import { type Html, html } from '../shell/html.ts';

/** A row: its heading and its cells, one for each further column. */
export interface TableRow {
  readonly heading: Html | string;
  readonly cells: readonly (Html | string | undefined)[];
}

/** A column by which the rows can be sorted. */
export interface SortColumn {
  readonly label: string;
  /** The link that sorts, or turns the order. */
  readonly href: string;
  /** Undefined: the rows are sorted by another column. */
  readonly sorted: 'ascending' | 'descending' | undefined;
}

export type Column = string | SortColumn;

/** Shows rows in a table, which becomes a list of cards on a narrow screen. The first column has the headings of the rows. */
export function table(caption: string, columns: readonly Column[], rows: readonly TableRow[]): Html {
  const labels = columns.map((column) => html`${typeof column === 'string' ? column : column.label}`);
  const body = rows.map(
    ({ heading, cells }) =>
      html`<tr>
        <th scope="row">${heading}</th>
        ${cells.map((cell, index) => html`<td data-label="${labels[index + 1]}">${cell}</td>`)}
      </tr>`,
  );
  return html`<table class="cards">
    <caption>
      ${caption}
    </caption>
    <thead>
      <tr>
        ${columns.map(columnHeading)}
      </tr>
    </thead>
    <tbody>
      ${body}
    </tbody>
  </table>`;
}

const arrows = { ascending: '▲', descending: '▼' } as const;

function columnHeading(column: Column): Html {
  if (typeof column === 'string') return html`<th scope="col">${column}</th>`;
  const { label, href, sorted } = column;
  const arrow = sorted && html` <span aria-hidden="true">${arrows[sorted]}</span>`;
  return html`<th scope="col" ${sorted && html`aria-sort="${sorted}"`}><a href="${href}">${label}${arrow}</a></th>`;
}
