import type { DatabaseSync } from 'node:sqlite';

/** Sizes of a registry that is written directly into a database of SQLite. */
export interface LargeRegistry {
  /** Needed blobs, `d1` and so on, all in the repository `app`. The first tenth of them are manifests. */
  readonly blobs: number;
  /** Blobs that nothing needs, `e1` and so on, with a review that is due. */
  readonly unneeded: number;
}

/** Writes the rows in one transaction; a million blobs take a few seconds. */
export function fillRegistry(database: DatabaseSync, { blobs, unneeded }: LargeRegistry): void {
  const numbers = (count: number) => `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count})`;
  for (const sql of [
    'BEGIN',
    `INSERT INTO repositories (id, name, created_at) VALUES (1, 'app', 1)`,
    `INSERT INTO blobs (digest, size_bytes, created_at) ${numbers(blobs)} SELECT 'd' || i, 1, 1 FROM n`,
    `INSERT INTO links (repository_id, digest, created_at) ${numbers(blobs)} SELECT 1, 'd' || i, 1 FROM n`,
    `INSERT INTO manifests (repository_id, digest, media_type, size_bytes, pushed_at)
     ${numbers(blobs / 10)} SELECT 1, 'd' || i, 'm', 1, 1 FROM n`,
    `INSERT INTO manifest_references (repository_id, manifest, digest)
     ${numbers(blobs)} SELECT 1, 'd' || (1 + i % ${blobs / 10}), 'd' || i FROM n`,
    `INSERT INTO blobs (digest, size_bytes, created_at) ${numbers(unneeded)} SELECT 'e' || i, 1, 1 FROM n`,
    `INSERT INTO links (repository_id, digest, created_at) ${numbers(unneeded)} SELECT 1, 'e' || i, 1 FROM n`,
    `INSERT INTO reviews (repository_id, digest, due_at) ${numbers(unneeded)} SELECT 1, 'e' || i, 1 FROM n`,
    'COMMIT',
    'ANALYZE',
  ])
    database.exec(sql);
}
