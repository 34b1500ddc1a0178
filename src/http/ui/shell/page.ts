import type { ServerResponse } from 'node:http';
import type { Texts } from '../texts/english/texts.ts';
import { assets } from './assets.ts';
import { endView } from './compression.ts';
import { type Html, html } from './html.ts';
import { type FrameVisitor, visitorOf } from './visitor.ts';
import { preferencesForm } from './preferences-form.ts';
import { pathOf } from './local-path.ts';
import { type Preferences, preferencesOf, textsOf } from './preferences.ts';

/** A view and the data of its frame. */
export interface Page {
  readonly title: string;
  /** Name of the user that is signed in; undefined or empty: nobody is. */
  readonly user?: string | undefined;
  /** The link of the navigation that leads to this view. */
  readonly current?: keyof typeof destinations | undefined;
  readonly content: Html;
  /** Browsers without scripts load the view again after so many seconds. */
  readonly refreshSeconds?: number | undefined;
}

/**
 * No content of other sites, no inline styles or scripts, no frames. The referrer goes to this site only, but is not left out:
 * without it, browsers hide the origin of a form.
 */
const headers = {
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; " +
    "base-uri 'none'; frame-ancestors 'none'",
  'Referrer-Policy': 'same-origin',
  'X-Content-Type-Options': 'nosniff',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cache-Control': 'no-store',
};

/** Sends a view within the frame of the page, in the language and theme of the visitor. */
export function sendPage(response: ServerResponse, status: number, page: Page): void {
  const preferences = preferencesOf(response.req);
  const visitor = visitorOf(response.req);
  const bytes = Buffer.from(frame(page, visitor, textsOf(response.req), preferences, pathOf(response.req)).text);
  response.statusCode = status;
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  response.setHeader('Content-Type', 'text/html; charset=utf-8');
  response.setHeader('Content-Language', preferences.language);
  endView(response, bytes);
}

function frame(page: Page, visitor: FrameVisitor, texts: Texts, preferences: Preferences, path: string): Html {
  const { title, current, content, refreshSeconds } = page;
  const user = page.user === '' ? undefined : page.user;
  return html`<!doctype html>
    <html lang="${preferences.language}" data-theme="${preferences.theme}">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${title} – berth</title>
        <link rel="icon" href="${assets.url('icon.svg')}" type="image/svg+xml" />
        <link rel="stylesheet" href="${assets.url('style.css')}" />
        <script type="module" src="${assets.url('main.js')}"></script>
        ${
          refreshSeconds === undefined
            ? undefined
            : html`<noscript><meta http-equiv="refresh" content="${refreshSeconds}" /></noscript>`
        }
      </head>
      <body data-shortcuts="${preferences.shortcuts}" data-copy="${texts.copy.copy}" data-copied="${texts.copy.copied}">
        <a class="skip" href="#content">${texts.nav.skip}</a>
        <header>
          <div class="bar">
            <a class="brand" href="/ui"><img src="${assets.url('icon.svg')}" alt="" width="24" height="24" />berth</a>
            <nav aria-label="${texts.nav.main}">${links(texts, destinationsOf(page, visitor), current)}</nav>
            ${current === undefined && user === undefined ? undefined : searchBox(texts)}
            ${user === undefined ? undefined : account(texts, user)}
          </div>
        </header>
        ${readOnlyBanner(texts, visitor)}
        <main id="content" tabindex="-1">
          <h1>${title}</h1>
          ${content}
        </main>
        <footer>
          ${preferencesForm(texts, preferences, path)}
          <nav class="bar" aria-label="${texts.nav.more}">
            <a href="/ui/help">${texts.nav.help}</a> <a href="/ui/api">${texts.nav.api}</a>
            ${current === undefined && user === undefined ? undefined : html`<a href="/ui/jobs">${texts.nav.jobs}</a>`}
          </nav>
        </footer>
      </body>
    </html>`;
}

/** Says that buttons which change content will be refused, and why. */
function readOnlyBanner({ frame: { readOnly, readOnlyBecause } }: Texts, { readOnlyReason }: FrameVisitor): Html | undefined {
  if (readOnlyReason === undefined) return undefined;
  return html`<p class="banner" role="status">${readOnlyReason === '' ? readOnly : readOnlyBecause(readOnlyReason)}</p>`;
}

/** Returns the links of the navigation that lead the visitor to something. */
function destinationsOf({ user }: Page, { administers }: FrameVisitor): readonly (keyof typeof destinations)[] {
  const isSignedIn = user !== undefined && user !== '';
  return [
    ...(['repositories', 'setup', 'mirror', 'storage'] as const),
    ...(administers ? (['admin'] as const) : []),
    ...(isSignedIn ? (['account'] as const) : []),
  ];
}

function searchBox({ search }: Texts): Html {
  return html`<form class="search" role="search" method="get" action="/ui/search">
    <input type="search" name="q" aria-label="${search.label}" placeholder="${search.label}" maxlength="255" />
  </form>`;
}

/** The links of the navigation. */
const destinations = {
  repositories: '/ui',
  setup: '/ui/setup',
  mirror: '/ui/mirror',
  storage: '/ui/storage',
  admin: '/ui/admin',
  account: '/ui/account',
} as const;

function links(texts: Texts, shown: readonly (keyof typeof destinations)[], current: Page['current']): readonly Html[] {
  return shown.map(
    (name) =>
      html`<a href="${destinations[name]}" ${name === current ? html`aria-current="page"` : undefined}>${texts.nav[name]}</a>`,
  );
}

function account(texts: Texts, user: string): Html {
  return html`<form class="account" method="post" action="/ui/logout">
    <span class="quiet">${texts.nav.signedInAs}</span> <strong class="user">${user}</strong>
    <button>${texts.nav.signOut}</button>
  </form>`;
}
