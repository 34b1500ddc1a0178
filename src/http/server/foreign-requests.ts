import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import type { PublicUrl } from './public-url.ts';

/**
 * True for names that are neither loopback names nor the public URL's. A page of any site can make its own name resolve to
 * 127.0.0.1 (DNS rebinding); its requests then have that name as `Host`.
 */
export function isForeignHost(host: string, { publicHostname }: PublicUrl): boolean {
  const hostname = URL.parse(`http://${host}`)?.hostname.replace(/\.$/, '') ?? '';
  return !isLoopbackName(hostname) && hostname !== publicHostname;
}

function isLoopbackName(hostname: string): boolean {
  return (
    hostname === 'localhost' ||
    hostname.endsWith('.localhost') ||
    hostname === '[::1]' ||
    (isIP(hostname) === 4 && hostname.startsWith('127.'))
  );
}

const readingMethods = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * True if the headers of a browser name another site as the source of the change. Other clients send no such headers. The
 * web page checks its forms itself and answers in HTML.
 */
export function isForeignChange(request: IncomingMessage, publicUrl: PublicUrl): boolean {
  const { method = '', url = '', headers } = request;
  if (readingMethods.has(method) || url.startsWith('/ui/')) return false;
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site !== 'same-origin' && site !== 'none';
  const from = headers.origin;
  return from !== undefined && from !== URL.parse(publicUrl.base(request))?.origin;
}
