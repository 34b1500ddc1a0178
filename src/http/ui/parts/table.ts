import { type Html, html } from '../shell/html.ts';

/** A row: its heading and its cells, one for each further column. */
export interface TableRow {
  readonly heading: Html | string;
  readonly cells: readonly (Html | string | undefined)[];
}

/** Shows rows in a table, which becomes a list of cards on a narrow screen. The first column has the headings of the rows. */
export function table(caption: string, columns: readonly string[], rows: readonly TableRow[]): Html {
  const body = rows.map(
    ({ heading, cells }) =>
      html`<tr>
        <th scope="row">${heading}</th>
        ${cells.map((cell, index) => html`<td data-label="${columns[index + 1]}">${cell}</td>`)}
      </tr>`,
  );
  return html`<table class="cards">
    <caption>
      ${caption}
    </caption>
    <thead>
      <tr>
        ${columns.map((column) => html`<th scope="col">${column}</th>`)}
      </tr>
    </thead>
    <tbody>
      ${body}
    </tbody>
  </table>`;
}
