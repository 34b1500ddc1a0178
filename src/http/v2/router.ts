import { OciError } from '../../oci/errors.ts';
import { type Route, routes } from './routes.ts';

/** The route of a path. */
export interface Match {
  readonly route: Route;
  /** The repository's name in the path, neither decoded nor checked. */
  readonly name: string | undefined;
  /** The last part of the path, not decoded; '' if the route has none. */
  readonly tail: string;
}

interface Place {
  /** The fixed part of the path behind the name, or the whole path if it has no name. */
  readonly words: string;
  readonly hasName: boolean;
  /** True if the path ends with a placeholder. */
  readonly hasTail: boolean;
  readonly methods: Map<string, Route>;
}

/**
 * The paths, those with fewer placeholders first. Names can contain slashes and words such as `blobs`, so the fixed parts are
 * compared from the end. Comparing strings costs a fraction of what regular expressions cost.
 */
const places: readonly Place[] = [...Map.groupBy(routes, (route) => route.path)]
  .sort(([one], [other]) => placeholders(one) - placeholders(other))
  .map(([path, rows]) => ({
    words: path.replace('/v2/<name>', '').replace(/<\w+>$/, ''),
    hasName: path.includes('<name>'),
    hasTail: path.endsWith('>'),
    methods: new Map(rows.map((row) => [row.method, row])),
  }));

function placeholders(path: string): number {
  return path.split('<').length;
}

const root = '/v2/';

/** Returns the route; undefined for an unknown path. Throws UNSUPPORTED (405, with `Allow`) if the path has other methods. */
export function match(method: string, path: string): Match | undefined {
  if (!path.startsWith(root)) return undefined;
  const tailStart = path.lastIndexOf('/') + 1;
  for (const place of places) {
    const nameEnd = fixedPartStart(place, path, tailStart);
    if (nameEnd < (place.hasName ? root.length : 0)) continue;
    const route = place.methods.get(method === 'HEAD' ? 'GET' : method);
    if (!route)
      throw new OciError('UNSUPPORTED', { message: `${method} is not supported here`, headers: { Allow: allow(place.methods) } });
    return {
      route,
      name: place.hasName ? path.slice(root.length, nameEnd) : undefined,
      tail: place.hasTail ? path.slice(tailStart) : '',
    };
  }
  return undefined;
}

/** Returns the index at which the fixed part of the place starts in the path; -1 if the path has another one. */
function fixedPartStart({ words, hasName, hasTail }: Place, path: string, tailStart: number): number {
  if (!hasName) return path === words ? 0 : -1;
  if (hasTail) return tailStart < path.length && path.endsWith(words, tailStart) ? tailStart - words.length : -1;
  if (path.endsWith(words)) return path.length - words.length;
  // A slash at the end may be missing.
  return words.endsWith('/') && path.endsWith(words.slice(0, -1)) ? path.length - words.length + 1 : -1;
}

function allow(methods: ReadonlyMap<string, Route>): string {
  return [...methods.keys()].flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method])).join(', ');
}
