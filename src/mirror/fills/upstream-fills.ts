import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Fills, type FillsOptions, createFills } from './fills.ts';
import type { FillProgress } from './fill-progress.ts';
import { type Leftover, sweepLeftovers } from './leftovers.ts';
import { createRunningDownloads } from './other-copies.ts';
import { namespaceOf } from '../../upstream/upstream.ts';

/**
 * The downloads of each upstream. A blob that several upstreams have is downloaded from each one whose clients want it:
 * an upstream that is slow, breaks off or sends wrong bytes harms no clients of another.
 */
export interface UpstreamFills {
  /** Rejects with errors of the file system. */
  of(upstream: string): Promise<Fills>;
  /** Number of downloads in this process. */
  readonly count: number;
  /** Bytes that they have received and that are not stored yet. */
  readonly bytes: number;
  /** Lists the downloads of this process. */
  list(): readonly (FillProgress & { readonly upstream: string })[];
  /**
   * Deletes owner and reader files of crashed processes, and unowned files of downloads last written before `before`
   * (milliseconds since 1970), then the oldest until at most `maxBytes` remain. Resolves to the number of deleted downloads.
   */
  sweep(before: number, maxBytes: number): Promise<number>;
  /** Stops all downloads; what they have is kept for the next start. */
  close(): Promise<void>;
}

export interface UpstreamFillsOptions extends Omit<FillsOptions, 'upstream' | 'running'> {
  /** Returns the names of the upstreams. Each has a folder of its own in `directory`. */
  readonly upstreams: () => readonly string[];
}

export async function createUpstreamFills({ upstreams, ...options }: UpstreamFillsOptions): Promise<UpstreamFills> {
  const opening = new Map<string, Promise<Fills>>();
  const opened = new Map<string, Fills>();
  const running = createRunningDownloads();
  // The folders of upstreams are made when they are needed: this one shows at the start whether that will be possible.
  await mkdir(options.directory, { recursive: true });

  async function open(upstream: string): Promise<Fills> {
    const directory = join(options.directory, namespaceOf({ name: upstream }));
    const fills = await createFills({ ...options, directory, upstream, running });
    opened.set(upstream, fills);
    return fills;
  }

  function of(upstream: string): Promise<Fills> {
    const known = opening.get(upstream);
    if (known) return known;
    const begun = open(upstream);
    opening.set(upstream, begun);
    begun.catch(() => opening.delete(upstream));
    return begun;
  }

  return {
    of,
    get count() {
      return [...opened.values()].reduce((sum, { count }) => sum + count, 0);
    },
    get bytes() {
      return [...opened.values()].reduce((sum, { bytes }) => sum + bytes, 0);
    },
    list: () => [...opened].flatMap(([upstream, fills]) => fills.list().map((fill) => ({ ...fill, upstream }))),
    async sweep(before, maxBytes) {
      const leftovers: Leftover[] = [];
      for (const upstream of new Set([...upstreams(), ...opened.keys()])) {
        const fills = await of(upstream);
        await fills.removeAbandoned();
        leftovers.push(...(await fills.leftovers()));
      }
      return sweepLeftovers(leftovers, before, maxBytes);
    },
    async close() {
      await Promise.all([...opened.values()].map((fills) => fills.close()));
    },
  };
}
