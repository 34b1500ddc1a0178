import type { IncomingMessage, ServerResponse } from 'node:http';

/** A cookie that no script can read and that browsers do not send with forms and frames of other sites. */
export interface Cookie {
  read(request: IncomingMessage): string | undefined;
  write(request: IncomingMessage, response: ServerResponse, value: string, lifetimeSeconds: number): void;
  clear(request: IncomingMessage, response: ServerResponse): void;
}

/**
 * Makes a cookie. `isSecure`: true if the client uses https; the name then begins with `__Host-`, so that browsers accept it
 * only from this host and over TLS, and no other host of the same domain can set it. `SameSite=Lax`, because the provider
 * redirects the browser back from another site.
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
