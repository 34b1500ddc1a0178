import type { IncomingMessage } from 'node:http';
import type { Principal } from '../../../access/permissions/principal.ts';
import type { PublicUrl } from '../../server/public-url.ts';
import type { Browsers } from './browsers.ts';

/** Returns the user whose session a script of our page sends; undefined for every other client. */
export type UserOfScripts = (request: IncomingMessage) => Promise<Principal | undefined>;

/**
 * Session cookies count for the API only in requests that the browser says come from our page: it sends cookies with requests of
 * other sites, too. Browsers name the site of each request over https and on localhost (`Sec-Fetch-Site`), and the origin of
 * requests other than GET.
 */
export function createUserOfScripts(publicUrl: PublicUrl, browsers: Pick<Browsers, 'user'>): UserOfScripts {
  return async (request) => (isFromOurPage(request, publicUrl) ? browsers.user(request) : undefined);
}

function isFromOurPage(request: IncomingMessage, publicUrl: PublicUrl): boolean {
  const { origin, 'sec-fetch-site': site } = request.headers;
  if (site === undefined && origin === undefined) return false;
  const isOurOrigin = origin === undefined || origin === URL.parse(publicUrl.base(request))?.origin;
  return isOurOrigin && (site === undefined || site === 'same-origin');
}
