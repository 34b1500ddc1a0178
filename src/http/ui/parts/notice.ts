import { type Html, html } from '../shell/html.ts';
import type { Notice } from '../shell/notice.ts';
import { copyField } from './copy-field.ts';

/** Shows what the last form has done, with the secret that it has made, and with a button that may follow. */
export function noticeBox(notice: Notice | undefined, button?: Html): Html | undefined {
  if (!notice) return undefined;
  const isWrong = notice.kind === 'wrong';
  return html`<div class="${isWrong ? 'wrong' : 'note'}" role="${isWrong ? 'alert' : 'status'}">
    ${notice.lines.map((line) => html`<p>${line}</p>`)}
    ${notice.secret === undefined ? undefined : copyField(notice.secret, 'secret')} ${button}
  </div>`;
}
