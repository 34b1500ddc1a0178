import type { RegistryEvent } from '../../storage/metadata/queries/events.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';

export type EventsOf = Pick<MetadataStore['events'], 'list' | 'newest' | 'lastSettled'>;

/**
 * Returns at most `limit` events after the id `after` (exclusive), ascending, and never one that a smaller id could still
 * precede: transactions that run beside each other in PostgreSQL commit in another order than they take their ids.
 */
export type ReadEvents = (after: number, limit: number) => Promise<readonly RegistryEvent[]>;

/** Creates a reader. Without new events a read costs one lookup; otherwise it waits once for the writes in progress. */
export function createEventReader(events: EventsOf): ReadEvents {
  /** No event up to this id can appear any more. */
  let settled = 0;
  return async (after, limit) => {
    if (after >= settled) {
      if ((await events.newest()) <= after) return [];
      settled = await events.lastSettled();
    }
    return events.list(after, settled, limit);
  };
}
