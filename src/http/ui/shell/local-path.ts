import type { IncomingMessage } from 'node:http';
import type { Request } from 'express';

/** Returns the path within the page that a visitor came from or wants next; never an address of another site. */
export function localPath(text: string | null): string {
  const url = URL.parse(text ?? '', 'http://localhost');
  const isOurs = url?.origin === 'http://localhost' && /^\/ui(?:$|[/?])/.test(url.pathname + url.search);
  return isOurs ? url.pathname + url.search : '/ui';
}

/** Returns the path and query of a request, for links that lead back. */
export function pathOf(request: Request | IncomingMessage): string {
  return localPath('originalUrl' in request ? request.originalUrl : (request.url ?? ''));
}
