import { type Query, first, run } from './query.ts';

/**
 * Takes the lease until `until` when it is free, over, already the holder's, or still ends at `abandonedEnd`, an end that
 * its holder has not renewed for too long. Returns true if it is the holder's now. `note` is for those who wait for it.
 */
export function* takeLease(
  name: string,
  holder: string,
  now: number,
  until: number,
  note: string | null = null,
  abandonedEnd = -1,
): Query<boolean> {
  const row = yield* first(
    `INSERT INTO leases (name, holder, held_until, note) VALUES (?, ?, ?, ?)
     ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, held_until = excluded.held_until, note = excluded.note,
            wanted = CASE WHEN leases.holder = excluded.holder THEN leases.wanted ELSE 0 END
      WHERE leases.holder = excluded.holder OR leases.held_until <= ? OR leases.held_until = ?
     RETURNING name AS "name"`,
    name,
    holder,
    until,
    note,
    now,
    abandonedEnd,
  );
  return row !== undefined;
}

/** Lets the lease's holder know that another process waits for it. */
export function* requestLease(name: string): Query<void> {
  yield* run('UPDATE leases SET wanted = 1 WHERE name = ? AND wanted = 0', name);
}

/** Ends the lease, if it is still the holder's. */
export function* releaseLease(name: string, holder: string): Query<void> {
  yield* run('DELETE FROM leases WHERE name = ? AND holder = ?', name, holder);
}

/** Forgets leases that ended before `before`: what crashed processes left. */
export function* forgetLeases(before: number): Query<void> {
  yield* run('DELETE FROM leases WHERE held_until < ?', before);
}
