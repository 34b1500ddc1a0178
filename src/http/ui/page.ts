import type { ServerResponse } from 'node:http';
import { type Html, html } from './html.ts';

/** What a page has around its content. */
export interface Page {
  readonly title: string;
  /** Who is logged in. */
  readonly user?: string | undefined;
  readonly content: Html;
}

/**
 * No script, nothing from elsewhere, no frames. The referrer stays with us and is not left out altogether: without one,
 * browsers hide the origin of a form that is sent.
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

/** Goes on elsewhere with a GET. */
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
