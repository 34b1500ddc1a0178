import type { OciErrorCode } from '../../oci/errors.ts';
import type { ErrorFormat } from '../errors/boundary.ts';
import { html } from './html.ts';
import { sendPage } from './page.ts';

const titles: Partial<Record<OciErrorCode, string>> = {
  UNAUTHORIZED: 'Not signed in',
  DENIED: 'Not allowed',
  NAME_UNKNOWN: 'Not found',
  TOOMANYREQUESTS: 'Too many attempts',
  UNAVAILABLE: 'Not available',
  INTERNAL: 'Something went wrong',
};

/** Errors as pages for people. */
export const pageFormat: ErrorFormat = {
  render(response, { status, code, message }, requestId) {
    const reference = code === 'INTERNAL' ? html`<p>The log names the cause, with request id ${requestId}.</p>` : undefined;
    const content = html`<p class="wrong" role="alert">${message}</p>
      ${reference}
      <p><a href="/ui">Continue</a></p>`;
    sendPage(response, status, { title: titles[code] ?? 'Not done', content });
  },
};
