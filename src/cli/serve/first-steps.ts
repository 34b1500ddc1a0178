import { isIP } from 'node:net';
import type { Config } from '../../../config/schema.ts';

/**
 * Returns the hints of the start message for new users: the page, the address for clients, and a command for the first login,
 * the first push and the first pull through the mirror. `url` is the address of the listener.
 */
export function firstSteps(config: Config, url: string): Readonly<Record<string, string>> {
  const { access, mirror, publicUrl } = config;
  const base = new URL(publicUrl ?? reachable(url));
  const clients = base.host;
  const upstream = mirror.default ?? Object.keys(mirror.upstreams)[0];
  const user = access.mode === 'token' ? ` -u ${access.admin.username}` : '';
  return {
    ...(access.mode === 'external' ? {} : { page: new URL('/ui', base).href }),
    clients,
    ...(access.mode === 'open' ? {} : { login: `docker login ${clients}${user}` }),
    push: `docker tag IMAGE ${clients}/IMAGE && docker push ${clients}/IMAGE`,
    ...(upstream === undefined
      ? {}
      : {
          pull: `docker pull ${clients}/${upstream.replace(':', '_')}/IMAGE`,
          mirror: `curl '${new URL('/_mirror/config?client=docker', base).href}'`,
        }),
  };
}

/** Returns the URL with `localhost` for a loopback or unspecified address: clients on this machine need no TLS for it. */
function reachable(listening: string): string {
  const url = new URL(listening);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const isLocal = isIP(host) === 4 ? host.startsWith('127.') || host === '0.0.0.0' : host === '::1' || host === '::';
  if (isLocal) url.hostname = 'localhost';
  return url.href;
}
