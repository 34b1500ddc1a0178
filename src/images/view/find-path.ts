import { compareKeys, keyOf } from '../index/entry-key.ts';
import type { Entry } from '../index/entry.ts';
import type { ImageHead } from '../index/image-head.ts';
import type { LayerHead } from '../index/layer-head.ts';
import type { StoredIndex } from '../store/index-store.ts';

/** An index whose entries are files: that of a layer or of an image. */
export type FileIndex = StoredIndex<LayerHead | ImageHead>;

/** Returns the entries of a path: of a layer perhaps a whiteout and another one. Reads at most two frames. */
export async function findPath(index: FileIndex, path: string): Promise<readonly Entry[]> {
  const key = keyOf(path);
  const found: Entry[] = [];
  const first = frameOf(index, key);
  for (let number = first; number < index.head.frames.length; number++) {
    const place = index.head.frames[number];
    if (number > first && place && compareKeys(place, key) > 0) break;
    found.push(...(await index.frame(number)).filter((entry) => compareKeys(entry, key) === 0));
  }
  return found;
}

/** Returns the number of the last frame that begins before the key: entries of the key itself may begin at its end. */
export function frameOf({ head }: FileIndex, key: { readonly directory: string; readonly name: string }): number {
  let low = 0;
  let high = head.frames.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    const place = head.frames[middle];
    if (place && compareKeys(place, key) < 0) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** True for a directory that comes after everything below the other one in an index. */
export function isBehind(directory: string, other: string): boolean {
  // `0` is the character after the slash.
  return other !== '' && directory >= `${other}0`;
}

/** True if the directory is `top` or below it. */
export function isBelow(directory: string, top: string): boolean {
  return top === '' || directory === top || directory.startsWith(`${top}/`);
}
