export type Json = Record<string, unknown>;

/** True for a YAML map. */
export function isMap(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Distribution compares keys without regard to case. Names of headers stay as they are in the values. */
export function lowerCase(map: Json): Json {
  const entries = Object.entries(map).map(([name, value]) => [name.toLowerCase(), isMap(value) ? lowerCase(value) : value]);
  return Object.fromEntries(entries) as Json;
}

/** Returns the member of a map; undefined for any other value. */
export function step(value: unknown, name: string): unknown {
  return isMap(value) ? value[name] : undefined;
}

/** Sets the value at a path and makes the maps above it. */
export function set(tree: Json, path: readonly string[], value: unknown): void {
  const [name = '', ...rest] = path;
  if (rest.length === 0) {
    tree[name] = value;
    return;
  }
  const child = tree[name];
  const map = isMap(child) ? child : {};
  tree[name] = map;
  set(map, rest, value);
}
