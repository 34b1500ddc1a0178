/** Files of the program inside the executable, named by their paths in the checkout. */
import { getAssetKeys, getRawAsset } from 'node:sea';

const virtualRoot = 'file:///berth/';

/** Returns the name of a file of the program; undefined for other files. */
export function nameIn(file: unknown): string | undefined {
  if (!(file instanceof URL) || !file.href.startsWith(virtualRoot)) return undefined;
  return file.href.slice(virtualRoot.length);
}

export function assetNames(): readonly string[] {
  return getAssetKeys();
}

/** Returns the bytes of a file. Throws if the executable has none of this name. They must not be changed. */
export function readAsset(name: string): Buffer {
  return Buffer.from(getRawAsset(name));
}
