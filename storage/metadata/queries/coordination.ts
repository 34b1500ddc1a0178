import { type Query, first, run } from '../query.ts';

/**
 * Takes the lease until `until` where it is free, over, or already the holder's; says whether it is the holder's now.
 * `note` is for those who wait for it.
 */
export function* takeLease(name: string, holder: string, now: number, until: number, note: string | null = null): Query<boolean> {
  const row = yield* first(
    `INSERT INTO leases (name, holder, held_until, note) VALUES (?, ?, ?, ?)
     ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, held_until = excluded.held_until, note = excluded.note
      WHERE leases.holder = excluded.holder OR leases.held_until <= ?
     RETURNING name AS "name"`,
    name,
    holder,
    until,
    note,
    now,
  );
  return row !== undefined;
}

/** Ends the lease, if it is still the holder's. */
export function* releaseLease(name: string, holder: string): Query<void> {
  yield* run('DELETE FROM leases WHERE name = ? AND holder = ?', name, holder);
}

/** Forgets leases that ended before `before`: what crashed processes left. */
export function* forgetLeases(before: number): Query<void> {
  yield* run('DELETE FROM leases WHERE held_until < ?', before);
}
