import { type Query, concurrentWrite, first, read, run, write } from './steps/query.ts';

/** Backups of the metadata, so far as garbage collection must know them. Times are milliseconds since 1970. */

/**
 * Records that a backup begins. From now on its blobs are kept. Forgets backups that did not end: the caller has made sure that
 * no other one is running.
 */
export const begin = write(function* (name: string, now: number): Query<void> {
  yield* run('DELETE FROM backups WHERE ended_at IS NULL');
  yield* run('INSERT INTO backups (name, began_at) VALUES (?, ?)', name, now);
});

/** Records that the backup is complete and can be restored. */
export const finish = concurrentWrite(function* (name: string, now: number): Query<void> {
  yield* run('UPDATE backups SET ended_at = ? WHERE name = ?', now, name);
});

/** Records a complete backup that was found in its store. */
export const add = concurrentWrite(function* (name: string, beganAt: number, now: number): Query<void> {
  yield* run('INSERT INTO backups (name, began_at, ended_at) VALUES (?, ?, ?) ON CONFLICT (name) DO NOTHING', name, beganAt, now);
});

/** Forgets the backup. Blobs that only this backup needs are kept no longer. */
export const remove = write(function* (name: string): Query<void> {
  yield* run('DELETE FROM backups WHERE name = ?', name);
});

/** Returns when the newest complete backup began; undefined if there is none. */
export const findNewest = read(function* (): Query<{ readonly name: string; readonly beganAt: number } | undefined> {
  return yield* first<{ name: string; beganAt: number }>(
    'SELECT name AS "name", began_at AS "beganAt" FROM backups WHERE ended_at IS NOT NULL ORDER BY began_at DESC LIMIT 1',
  );
});
