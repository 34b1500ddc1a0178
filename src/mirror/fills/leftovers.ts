/** The file of a broken download: no living process writes it. */
export interface Leftover {
  readonly sizeBytes: number;
  /** Milliseconds since 1970. */
  readonly writtenAt: number;
  /** Deletes the file unless a process has begun to write it; true if it is deleted. */
  remove(): Promise<boolean>;
}

/**
 * Deletes leftovers last written before `before` (milliseconds since 1970), then the oldest until at most `maxBytes`
 * remain. Resolves to the number of files deleted.
 */
export async function sweepLeftovers(leftovers: readonly Leftover[], before: number, maxBytes: number): Promise<number> {
  let keptBytes = 0;
  let swept = 0;
  for (const leftover of [...leftovers].sort((one, other) => other.writtenAt - one.writtenAt)) {
    keptBytes += leftover.sizeBytes;
    if (leftover.writtenAt >= before && keptBytes <= maxBytes) continue;
    if (await leftover.remove()) swept++;
  }
  return swept;
}
