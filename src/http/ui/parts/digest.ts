import { type Html, html } from '../shell/html.ts';

/** Shows the first characters of a digest, enough to recognise it, and all of it as its title. */
export function digestCode(digest: string): Html {
  return html`<code title="${digest}">${shortDigest(digest)}</code>`;
}

/** The same with a button that copies all of it. */
export function copiedDigest(digest: string): Html {
  return html`<span class="copy digest" data-text="${digest}">${digestCode(digest)}</span>`;
}

export function shortDigest(digest: string): string {
  return digest.slice(0, digest.indexOf(':') + 13);
}
