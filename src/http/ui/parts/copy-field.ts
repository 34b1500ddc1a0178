import { type Html, html } from '../shell/html.ts';

/** Shows text that is there to be copied. With scripts it gets a button, without them a click selects all of it. */
export function copyField(text: string, id?: string): Html {
  const lines = text.split('\n').map((line, index) => (index === 0 ? html`${line}` : html` ${line}`));
  return html`<div class="copy"><code ${id === undefined ? undefined : html`id="${id}"`}>${lines}</code></div>`;
}
