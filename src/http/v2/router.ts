import { OciError } from '../../oci/errors.ts';
import { type Route, routes } from './routes.ts';

/** What a path leads to. */
export interface Match {
  readonly route: Route;
  /** The repository's name as it stands in the path: neither decoded nor checked. */
  readonly name: string | undefined;
  /** The last part of the path as it stands there; '' where the route has none. */
  readonly tail: string;
}

interface Place {
  readonly pattern: RegExp;
  readonly methods: Map<string, Route>;
}

/**
 * Names may hold slashes and words such as `blobs`: the pattern's fixed parts are looked for from the end.
 * Places are tried in the order of the table, more fixed ones first.
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

/** Finds the route. Throws UNSUPPORTED (405, with `Allow`) where the path exists but not with this method. */
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
