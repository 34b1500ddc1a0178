import type { OciErrorCode } from '../../../oci/errors.ts';
import type { ErrorFormat } from '../../errors/boundary.ts';
import type { Texts } from '../texts/english/texts.ts';
import { html } from './html.ts';
import { sendPage } from './page.ts';
import { textsOf } from './preferences.ts';
import { visitorOf } from './visitor.ts';

/** Errors as pages for people. */
export const pageFormat: ErrorFormat = {
  render(response, { status, code, message, headers }, requestId) {
    const texts = textsOf(response.req);
    const { errors } = texts;
    const seconds = headers['Retry-After'];
    const help = helpOf(code, texts);
    const content = html`<p class="wrong" role="alert">${message}</p>
      ${help === undefined ? undefined : html`<p>${help}</p>`}
      ${seconds === undefined ? undefined : html`<p>${errors.retry(seconds)}</p>`}
      <p class="quiet">${errors.requestId(requestId)}</p>
      <p><a class="button" href="/ui">${errors.home}</a></p>`;
    sendPage(response, status, { title: titleOf(code, texts), user: visitorOf(response.req).name, content });
  },
};

/** Says what the visitor can do; undefined where the message says it. */
function helpOf(code: OciErrorCode, { errors }: Texts): string | undefined {
  if (code === 'NAME_UNKNOWN' || code === 'MANIFEST_UNKNOWN') return errors.hidden;
  return code === 'DENIED' ? errors.askAdmin : undefined;
}

function titleOf(code: OciErrorCode, { errors }: Texts): string {
  return code in errors ? errors[code as keyof Texts['errors'] & 'INTERNAL'] : errors.other;
}
