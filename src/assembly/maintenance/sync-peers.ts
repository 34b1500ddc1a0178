import type { RunnableEntry } from '../../maintenance/sync/runner.ts';
import { pairOf } from '../../maintenance/sync/select.ts';
import type { Peer } from '../../maintenance/verify/peers.ts';
import type { ReadEntry } from './sync-entries.ts';

/** Makes the other registry of an entry a source for repairs, whichever way the entry copies. */
export function toPeer({ direction, registry, entry }: ReadEntry, open: RunnableEntry['open'], signal: AbortSignal): Peer {
  const isIn = direction === 'in';
  const [own, other] = isIn ? [entry.to, entry.from] : [entry.from, entry.to];
  const side = () => (isIn ? open(signal).source : open(signal).target);
  return {
    registry,
    nameOf: (repository) => pairOf(own, other, repository)?.to,
    manifest: async (name, digest) => (await side().manifest(name, digest)).bytes,
    openBlob: (name, digest, sizeBytes) => side().openBlob(name, digest, 0, sizeBytes - 1),
  };
}
