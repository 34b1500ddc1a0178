import { Html, html } from '../shell/html.ts';

/** Shows text that is there to be copied. With scripts it gets a button, without them a click selects all of it. */
export function copyField(text: string, id?: string): Html {
  // Templates escape line breaks.
  const lines = new Html(
    text
      .split('\n')
      .map((line) => html`${line}`.text)
      .join('\n'),
  );
  return html`<div class="copy"><code ${id === undefined ? undefined : html`id="${id}"`}>${lines}</code></div>`;
}
