import type { IncomingMessage, ServerResponse } from 'node:http';

/** A cookie of ours: no script reads it, and no other site's form or frame sends it along. */
export interface Cookie {
  read(request: IncomingMessage): string | undefined;
  write(request: IncomingMessage, response: ServerResponse, value: string, lifetimeSeconds: number): void;
  clear(request: IncomingMessage, response: ServerResponse): void;
}

/**
 * `isSecure`: the client reaches us by https. Then the name begins with `__Host-`, and browsers take it only from this host
 * and over TLS: a neighbour below the same domain can not put one in its place. `SameSite=Lax`, for a login comes back from
 * the provider's site.
 */
export function createCookie(name: string, isSecure: (request: IncomingMessage) => boolean): Cookie {
  const nameFor = (request: IncomingMessage) => (isSecure(request) ? `__Host-${name}` : name);

  function write(request: IncomingMessage, response: ServerResponse, value: string, lifetimeSeconds: number): void {
    const secure = isSecure(request) ? '; Secure' : '';
    const attributes = `Path=/; HttpOnly; SameSite=Lax; Max-Age=${lifetimeSeconds}${secure}`;
    response.appendHeader('Set-Cookie', `${nameFor(request)}=${value}; ${attributes}`);
  }

  return {
    read(request) {
      const pairs = (request.headers.cookie ?? '').split(';').map((pair) => pair.trim());
      const prefix = `${nameFor(request)}=`;
      return pairs.find((pair) => pair.startsWith(prefix))?.slice(prefix.length);
    },
    write,
    clear: (request, response) => write(request, response, '', 0),
  };
}
