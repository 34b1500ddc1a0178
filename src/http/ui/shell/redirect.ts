import type { ServerResponse } from 'node:http';

/** Redirects the browser, which then sends a GET (303). */
export function redirect(response: ServerResponse, location: string): void {
  response.writeHead(303, { Location: location, 'Cache-Control': 'no-store', 'Content-Length': 0 }).end();
}
