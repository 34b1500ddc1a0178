/** The `Content-Range` of a chunk: `<first>-<last>`, both inclusive (distribution-spec, "Pushing a blob in chunks"). */
export interface ChunkRange {
  readonly first: number;
  readonly last: number;
}

/** Undefined for anything else, also for numbers that no blob reaches. */
export function parseChunkRange(text: string): ChunkRange | undefined {
  const match = /^(\d{1,15})-(\d{1,15})$/.exec(text);
  if (!match) return undefined;
  const [first, last] = [Number(match[1]), Number(match[2])];
  return first <= last ? { first, last } : undefined;
}
