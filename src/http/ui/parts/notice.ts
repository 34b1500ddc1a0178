import { type Html, html } from '../shell/html.ts';
import type { Notice } from '../shell/notice.ts';

/** Shows what the last form has done, with a button that may follow. */
export function noticeBox(notice: Notice | undefined, button?: Html): Html | undefined {
  if (!notice) return undefined;
  const isWrong = notice.kind === 'wrong';
  return html`<div class="${isWrong ? 'wrong' : 'note'}" role="${isWrong ? 'alert' : 'status'}">
    ${notice.lines.map((line) => html`<p>${line}</p>`)} ${button}
  </div>`;
}
