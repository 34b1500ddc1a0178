import { type Query, type Row, concurrentWrite, decoder, first, read, run } from './steps/query.ts';

/** Leases: exclusive rights of a process for a limited time. Times are milliseconds since 1970. */

export interface HeldLease {
  /** Text of the holder for processes that wait for the lease. */
  readonly note: string | null;
}

export interface LeaseState {
  /** Milliseconds since 1970, by the holder's clock. */
  readonly heldUntil: number;
  /** True if another process waits for the lease. */
  readonly wanted: boolean;
}

const toLeaseState = decoder<LeaseState>('wanted');

/** Returns the lease while a process holds it. */
export const find = read(function* (name: string, now: number): Query<HeldLease | undefined> {
  return yield* first('SELECT note AS "note" FROM leases WHERE name = ? AND held_until > ?', name, now);
});

/** Returns the state of the lease, also after its end; undefined after its release. */
export const findState = read(function* (name: string): Query<LeaseState | undefined> {
  const row = yield* first<Row>('SELECT held_until AS "heldUntil", wanted AS "wanted" FROM leases WHERE name = ?', name);
  return row && toLeaseState(row);
});

/**
 * Takes the lease until `until` if it is free, has ended, is the holder's already, or still ends at `abandonedEnd`, an end that
 * its holder has not renewed for too long. True if `holder` has it now. `note`: text for processes that wait for it.
 */
export const take = concurrentWrite(function* (
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
});

/** Records that another process waits for the lease. */
export const request = concurrentWrite(function* (name: string): Query<void> {
  yield* run('UPDATE leases SET wanted = 1 WHERE name = ? AND wanted = 0', name);
});

/** Ends the lease if the holder still has it. */
export const release = concurrentWrite(function* (name: string, holder: string): Query<void> {
  yield* run('DELETE FROM leases WHERE name = ? AND holder = ?', name, holder);
});

/** Deletes leases that ended before `before`: those of crashed processes. */
export const forget = concurrentWrite(function* (before: number): Query<void> {
  yield* run('DELETE FROM leases WHERE held_until < ?', before);
});
