import type { ImageHead } from '../../../../images/index/image-head.ts';
import { wasteOf } from '../../../../images/view/waste.ts';
import { byteSize } from '../../parts/size.ts';
import { table } from '../../parts/table.ts';
import { type Html, html } from '../../shell/html.ts';
import type { ImageVisit } from '../repository/repository-view.ts';

/** Paths that the view lists. */
const listed = 20;

/** Shows how many bytes of the image no container sees, and which paths they belong to. */
export function wastePanel({ texts }: ImageVisit, head: ImageHead): Html {
  const { waste } = texts;
  const { totalBytes, wastedBytes, efficiency } = wasteOf(head);
  // Rounded down: 100 % means that nothing is wasted.
  const percent = Math.floor(efficiency * 1000) / 10;
  const rows = head.wasted.slice(0, listed).map(({ path, bytes, copies }) => ({
    heading: html`<code>${path}</code>`,
    cells: [byteSize(bytes), String(copies)],
  }));
  const list =
    rows.length === 0
      ? undefined
      : html`<details>
          <summary>${waste.paths}</summary>
          ${table(waste.paths, [waste.path, waste.wasted, waste.copies], rows)}
        </details>`;
  return html`<h2>${waste.title}</h2>
    <p>
      <meter aria-label="${waste.efficiency}" min="0" max="100" value="${percent}"></meter>
      ${waste.efficiency}: ${String(percent)} % (${byteSize(wastedBytes)} / ${byteSize(totalBytes)})
    </p>
    <p class="quiet">${waste.help}</p>
    ${list}`;
}
