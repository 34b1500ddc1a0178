/** Pauses between tries, in the same unit. */
export interface BackOff {
  readonly first: number;
  readonly longest: number;
}

/** Returns the pause after `failures` in a row: the first one, doubled after each further failure, up to the longest. */
export function pauseAfter(failures: number, { first, longest }: BackOff): number {
  return Math.min(first * 2 ** Math.max(0, failures - 1), longest);
}
