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
  readonly pattern: RegExp;
  readonly methods: Map<string, Route>;
}

/**
 * The paths, those with fewer placeholders first. Names can contain slashes and words such as `blobs`, so the patterns match
 * the fixed parts from the end.
 */
const places: readonly Place[] = [...Map.groupBy(routes, (route) => route.path)]
  .map(([path, rows]) => ({ path, pattern: toPattern(path), methods: new Map(rows.map((row) => [row.method, row])) }))
  .sort((one, other) => placeholders(one.path) - placeholders(other.path));

function placeholders(path: string): number {
  return path.split('<').length;
}

function toPattern(path: string): RegExp {
  const tail = path
    .slice('/v2/'.length)
    .replace('<name>', '(?<name>.*)')
    .replace(/<\w+>$/, '(?<tail>[^/]+)')
    .replace(/\/$/, '/?');
  return new RegExp(`^/v2/${tail}$`, 's');
}

/** Returns the route; undefined for an unknown path. Throws UNSUPPORTED (405, with `Allow`) if the path has other methods. */
export function match(method: string, path: string): Match | undefined {
  for (const { pattern, methods } of places) {
    const found = pattern.exec(path);
    if (!found) continue;
    const route = methods.get(method === 'HEAD' ? 'GET' : method);
    if (!route)
      throw new OciError('UNSUPPORTED', { message: `${method} is not supported here`, headers: { Allow: allow(methods) } });
    return { route, name: found.groups?.['name'], tail: found.groups?.['tail'] ?? '' };
  }
  return undefined;
}

function allow(methods: ReadonlyMap<string, Route>): string {
  return [...methods.keys()].flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method])).join(', ');
}
