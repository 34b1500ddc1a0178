import { InvalidLayer } from './limits.ts';

/** Returns `InvalidLayer` for an error of zlib, and every other error as it is. */
export function toInvalid(error: unknown, format: string): unknown {
  const { code, message } = error as Partial<NodeJS.ErrnoException>;
  if (code === undefined || !/^(?:Z_|ZSTD_|ERR_ZLIB)/.test(code)) return error;
  return new InvalidLayer(`the ${format} data cannot be read: ${message}`);
}
