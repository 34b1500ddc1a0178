import type { OciErrorCode } from '../../../oci/errors.ts';
import type { ErrorFormat } from '../../errors/boundary.ts';
import type { Texts } from '../texts/english/texts.ts';
import { html } from './html.ts';
import { sendPage } from './page.ts';
import { textsOf } from './preferences.ts';

/** Errors as pages for people. */
export const pageFormat: ErrorFormat = {
  render(response, { status, code, message }, requestId) {
    const texts = textsOf(response.req);
    const content = html`<p class="wrong" role="alert">${message}</p>
      <p class="quiet">${texts.errors.requestId(requestId)}</p>
      <p><a class="button" href="/ui">${texts.login.continue}</a></p>`;
    sendPage(response, status, { title: titleOf(code, texts), content });
  },
};

function titleOf(code: OciErrorCode, { errors }: Texts): string {
  return code in errors ? errors[code as keyof Texts['errors'] & 'INTERNAL'] : errors.other;
}
