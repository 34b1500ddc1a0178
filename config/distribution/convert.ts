/** A value of berth's configuration. */
export type Setting = string | number | boolean | readonly string[];

/** The keys of Distribution's configuration. */
export interface Tree {
  /** Returns the value at a dotted path; undefined if it is not set. */
  get(path: string): unknown;
}

/** Returns the value for berth; undefined: none. Throws for a value that cannot be converted. */
export type Convert = (value: unknown, tree: Tree) => Setting | undefined;

/** Returns a scalar, or the first item of a list, as text. */
export function text(value: unknown): string | undefined {
  const scalar: unknown = Array.isArray(value) ? value[0] : value;
  if (scalar === null || scalar === undefined) return undefined;
  if (typeof scalar === 'string' || typeof scalar === 'number' || typeof scalar === 'boolean') return String(scalar);
  throw new Error('is not a text');
}

export function isTrue(value: unknown): boolean {
  return value === true || value === 'true';
}

export function not(value: unknown): boolean {
  return !isTrue(value);
}

/** Converts a duration of Go: `1h30m`, `168h`, `60s`. berth has one unit for each. */
export function duration(value: unknown): string {
  const parts = [...String(value).matchAll(/(\d+(?:\.\d+)?)(ms|h|m|s)/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== String(value)) throw new Error('is not a duration');
  const [[only] = []] = parts;
  if (parts.length === 1 && only !== undefined && !only.includes('.')) return only;
  const milliseconds: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
  const total = parts.reduce((sum, [, count, unit = '']) => sum + Number(count) * (milliseconds[unit] ?? 0), 0);
  return total % 1000 === 0 ? `${total / 1000}s` : `${Math.round(total)}ms`;
}

/** Adds the host that an address without one means: all addresses. */
export function listenAddress(value: unknown): string {
  const address = String(value);
  return address.startsWith(':') ? `0.0.0.0${address}` : address.replace(/^localhost:/, '127.0.0.1:');
}

/** Adds the scheme to the host of an S3 server. */
export const endpoint: Convert = (value, tree) => {
  const host = text(value);
  if (host === undefined || /^https?:\/\//.test(host)) return host;
  return `${tree.get('storage.s3.secure') === false ? 'http' : 'https'}://${host}`;
};

/** Makes a prefix of keys from a folder in the bucket. */
export function prefix(value: unknown): string | undefined {
  const folder = (text(value) ?? '').replace(/^\/+|\/+$/g, '');
  return folder === '' ? undefined : `${folder}/`;
}
