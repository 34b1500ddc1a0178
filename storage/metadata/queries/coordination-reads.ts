import { type Query, first } from '../query.ts';

export interface HeldLease {
  /** What its holder told those who wait. */
  readonly note: string | null;
}

/** The lease, while somebody has it. */
export function* findLease(name: string, now: number): Query<HeldLease | undefined> {
  return yield* first('SELECT note AS "note" FROM leases WHERE name = ? AND held_until > ?', name, now);
}
