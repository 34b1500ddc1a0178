import type { IncomingMessage } from 'node:http';

const noted = new WeakMap<IncomingMessage, string>();

/** Records the pattern of a request's path, for metrics and traces, where neither the protocol nor Express serves it. */
export function noteRoute(request: IncomingMessage, pattern: string): void {
  noted.set(request, pattern);
}

/** What Express adds to a request that a route serves. */
interface ExpressRequest extends IncomingMessage {
  readonly baseUrl?: string;
  readonly route?: { readonly path: unknown };
}

const patterns = new Map<string, string>();

/** Returns the pattern of the path, such as `/v2/<name>/tags/list`; undefined if no route has served the request. */
export function routeOf(request: IncomingMessage): string | undefined {
  const pattern = noted.get(request);
  if (pattern !== undefined) return pattern;
  const { baseUrl = '', route } = request as ExpressRequest;
  return typeof route?.path === 'string' ? ofExpress(baseUrl + route.path) : undefined;
}

/** Translates a pattern of Express, such as `/ui/repositories/*name`. Their number is that of the routes. */
function ofExpress(path: string): string {
  let pattern = patterns.get(path);
  if (pattern === undefined) {
    pattern = path.replace(/[:*](\w+)/g, '<$1>').replace(/(.)\/$/, '$1');
    patterns.set(path, pattern);
  }
  return pattern;
}
