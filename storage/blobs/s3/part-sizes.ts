/**
 * Sizes of the parts of a multipart upload. The protocol allows 10,000 parts and 5 TiB, and the size of an upload is not known
 * beforehand: so the size of a part grows with its number. The first part has 8 MiB, the part at 5 GiB has 14 MiB, the part at
 * 100 GiB has 100 MiB; all parts together have 5.16 TiB.
 */
export const maxParts = 10_000;

export const largestObjectBytes = 5 * 1024 ** 4;

/** Smallest size of a part in bytes, except the last one of an upload. */
export const smallestPartBytes = 5 * 1024 ** 2;

const firstPartBytes = 8 * 1024 ** 2;

/** Returns the size of part `number`, from 1, in bytes. */
export function partBytes(number: number): number {
  return Math.ceil(firstPartBytes * (1 + number ** 2 / 500_000));
}
