import { type Query, first } from './query.ts';

export interface HeldLease {
  /** What its holder told those who wait. */
  readonly note: string | null;
}

/** The lease, while somebody has it. */
export function* findLease(name: string, now: number): Query<HeldLease | undefined> {
  return yield* first('SELECT note AS "note" FROM leases WHERE name = ? AND held_until > ?', name, now);
}

export interface LeaseState {
  /** Milliseconds since 1970, by the holder's clock. */
  readonly heldUntil: number;
  /** 1 when another process waits for it. */
  readonly wanted: number;
}

/** The lease, also when it is over; undefined when it was released. */
export function* leaseState(name: string): Query<LeaseState | undefined> {
  return yield* first('SELECT held_until AS "heldUntil", wanted AS "wanted" FROM leases WHERE name = ?', name);
}
