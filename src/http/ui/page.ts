import type { ServerResponse } from 'node:http';
import { type Html, html } from './html.ts';

/** A page and the data of its header. */
export interface Page {
  readonly title: string;
  /** Name of the user that is logged in; undefined: no header for users. */
  readonly user?: string | undefined;
  readonly content: Html;
}

/**
 * No scripts, no content of other sites, no frames. The referrer goes to this site only, but is not left out: without it,
 * browsers hide the origin of a form.
 */
const headers = {
  'Content-Security-Policy': "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'Referrer-Policy': 'same-origin',
  'X-Content-Type-Options': 'nosniff',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cache-Control': 'no-store',
};

export function sendPage(response: ServerResponse, status: number, page: Page): void {
  const bytes = Buffer.from(layout(page).text);
  response.statusCode = status;
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  response.setHeader('Content-Type', 'text/html; charset=utf-8');
  response.setHeader('Content-Length', bytes.length);
  response.end(bytes);
}

/** Redirects the browser, which then sends a GET (303). */
export function redirect(response: ServerResponse, location: string): void {
  response.writeHead(303, { Location: location, 'Cache-Control': 'no-store', 'Content-Length': 0 }).end();
}

function layout({ title, user, content }: Page): Html {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title} – berth</title>
        <link rel="stylesheet" href="/ui/style.css" />
      </head>
      <body>
        <header>
          <a class="name" href="/ui">berth</a>
          ${user === undefined ? undefined : account(user)}
        </header>
        <main>
          <h1>${title}</h1>
          ${content}
        </main>
      </body>
    </html>`;
}

function account(user: string): Html {
  return html`<nav>
    <a href="/ui">Repositories</a>
    <a href="/ui/tokens">Access tokens</a>
    <span class="user">${user}</span>
    <form method="post" action="/ui/logout"><button>Sign out</button></form>
  </nav>`;
}
