import type { Digest } from '../../../src/oci/digest.ts';
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

/** Records that the backup is complete and can be restored: one that `begin` has recorded, or one that was found in its store. */
export const finish = concurrentWrite(function* (name: string, beganAt: number, now: number): Query<void> {
  yield* run(
    `INSERT INTO backups (name, began_at, ended_at) VALUES (?, ?, ?)
     ON CONFLICT (name) DO UPDATE SET ended_at = excluded.ended_at WHERE backups.ended_at IS NULL`,
    name,
    beganAt,
    now,
  );
});

/** Forgets a backup that has failed. */
export const removeUnfinished = write(function* (name: string): Query<void> {
  yield* run('DELETE FROM backups WHERE name = ? AND ended_at IS NULL', name);
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

/**
 * True if a repository that clients push to needs the blob or manifest, also in its trash. Mirrored content can be fetched
 * again.
 */
export const needs = read(function* (digest: Digest): Query<boolean> {
  const pushed = (table: string) =>
    `SELECT 1 FROM ${table} t WHERE t.digest = ?
       AND NOT EXISTS (SELECT 1 FROM mirrored_repositories m WHERE m.repository_id = t.repository_id)`;
  const tables = ['links', 'manifests', 'trashed_manifests'];
  const row = yield* first(`${tables.map(pushed).join(' UNION ALL ')} LIMIT 1`, ...tables.map(() => digest));
  return row !== undefined;
});
