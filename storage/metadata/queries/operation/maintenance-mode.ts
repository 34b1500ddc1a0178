import { type DatedAuthor, record } from '../steps/events.ts';
import { type Query, concurrentWrite, first, read, run } from '../steps/query.ts';

/** Maintenance mode: clients read content and cannot change it, in all processes. */

export interface MaintenanceState {
  /** For clients and operators; '' for none. */
  readonly reason: string;
  /** Milliseconds since 1970. */
  readonly since: number;
  /** Name of the account that began it, or `command line`. */
  readonly actor: string;
}

/** Returns the mode; undefined if it is off. */
export const find = read(function* (): Query<MaintenanceState | undefined> {
  return yield* first('SELECT reason AS "reason", since AS "since", actor AS "actor" FROM maintenance_mode WHERE id = 1');
});

/** Begins maintenance mode. If it is on already, only the reason changes. */
export const begin = concurrentWrite(function* (reason: string, author: DatedAuthor): Query<void> {
  yield* run(
    `INSERT INTO maintenance_mode (id, reason, since, actor) VALUES (1, ?, ?, ?)
     ON CONFLICT (id) DO UPDATE SET reason = excluded.reason`,
    reason,
    author.at,
    author.actor,
  );
  const detail = JSON.stringify({ reason });
  yield* record({ ...author, action: 'maintenance.on', target: 'registry', result: 'done', detail });
});

/** Ends maintenance mode. Does nothing if it is off. */
export const end = concurrentWrite(function* (author: DatedAuthor): Query<void> {
  const ended = yield* first('DELETE FROM maintenance_mode WHERE id = 1 RETURNING id AS "id"');
  if (ended) yield* record({ ...author, action: 'maintenance.off', target: 'registry', result: 'done' });
});
