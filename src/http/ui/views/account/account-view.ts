import type { Response } from 'express';
import type { FormState } from '../../parts/fields.ts';
import { type Html, html } from '../../shell/html.ts';
import { sendPage } from '../../shell/page.ts';
import { textsOf } from '../../shell/preferences.ts';

const views = { account: '/ui/account', tokens: '/ui/account/tokens' } as const;

/** Sends a view of the visitor's own account, with links to the others. */
export function sendAccountView(
  response: Response,
  view: keyof typeof views,
  user: string,
  content: Html,
  { message }: FormState,
): void {
  const { account, tokens } = textsOf(response.req);
  const titles = { account: account.title, tokens: tokens.title };
  const links = (['account', 'tokens'] as const).map(
    (name) => html`<a href="${views[name]}" ${name === view ? html`aria-current="page"` : undefined}>${titles[name]}</a>`,
  );
  const page = html`<nav class="tabs" aria-label="${account.views}">${links}</nav>
    ${content}`;
  sendPage(response, message === undefined ? 200 : 400, { title: titles[view], user, current: 'account', content: page });
}
