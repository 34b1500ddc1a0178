/**
 * How large the parts of a multipart upload are. The protocol allows 10,000 of them and 5 TiB in all, and nobody says
 * beforehand how long an upload will become: parts grow with their number. The sum over all numbers is 5.16 TiB; a part
 * has 8 MiB at first, 14 MiB where the upload has 5 GiB, 100 MiB where it has 100 GiB.
 */
export const maxParts = 10_000;

export const largestObjectBytes = 5 * 1024 ** 4;

/** Only the last part of an upload may be smaller. */
export const smallestPartBytes = 5 * 1024 ** 2;

const firstPartBytes = 8 * 1024 ** 2;

/** Size in bytes of part `number`, from 1. */
export function partBytes(number: number): number {
  return Math.ceil(firstPartBytes * (1 + number ** 2 / 500_000));
}
