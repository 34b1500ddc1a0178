import type { IncomingMessage } from 'node:http';
import type { PublicUrl } from '../server/public-url.ts';

/**
 * True if clients written in Go (docker, containerd, podman) send the `Authorization` of a request to `from` on to `to` when
 * they are redirected there: they do for the same host name, whatever the port, and for names below it. An S3 server
 * refuses a presigned URL with it. Both are host names as `URL.hostname` writes them.
 */
export function sendsAuthorizationOn(from: string, to: string): boolean {
  if (from === to) return true;
  return isDomain(from) && to.endsWith(`.${from}`);
}

/** True if the client that made the request can follow a redirect to `url`: it leaves its `Authorization` behind, or has none. */
export function canFollow(request: IncomingMessage, url: string, publicUrl: Pick<PublicUrl, 'base'>): boolean {
  if (request.headers.authorization === undefined) return true;
  const target = hostName(url);
  // The client used one of the two: a proxy may forward another Host.
  const own = [hostName(publicUrl.base(request)), hostName(`http://${request.headers.host}`)];
  return target === undefined || !own.some((host) => host !== undefined && sendsAuthorizationOn(host, target));
}

/** Returns the host name of a URL; undefined for other text. */
function hostName(url: string): string | undefined {
  return URL.parse(url)?.hostname;
}

/** False for IP addresses, which have no subdomains. */
function isDomain(host: string): boolean {
  return !/^\[|^[\d.]+$/.test(host);
}
