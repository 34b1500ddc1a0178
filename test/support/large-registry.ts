import type { DatabaseSync } from 'node:sqlite';

/** Sizes of a registry that is written directly into a database of SQLite. */
export interface LargeRegistry {
  /** Needed blobs, `d1` and so on, all in the repository `app`. The first tenth of them are manifests. */
  readonly blobs: number;
  /** Blobs that nothing needs, `e1` and so on, with a review that is due: in their order, from millisecond 1 on. */
  readonly unneeded: number;
  /** Returns SQL with the digest of a blob, for SQL with its number. Default: `d` or `e` before the number. */
  readonly digest?: (part: 'd' | 'e', number: string) => string;
}

/** Digests that look like those of SHA-256: blobs that follow each other in number are in different places of an index. */
export function spreadDigest(part: 'd' | 'e', number: string): string {
  const unique = part === 'd' ? number : `(${number} + 1000000000)`;
  // The factor is odd, so that 32 bits of the product are different for different numbers.
  return `'sha256:' || printf('%08x%056d', (${unique} * 2654435761) % 4294967296, ${unique})`;
}

/** Writes the rows in one transaction; a million blobs take a few seconds. */
export function fillRegistry(database: DatabaseSync, { blobs, unneeded, digest = plainDigest }: LargeRegistry): void {
  const numbers = (count: number) => `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count})`;
  for (const sql of [
    'BEGIN',
    `INSERT INTO repositories (id, name, created_at) VALUES (1, 'app', 1)`,
    `INSERT INTO blobs (digest, size_bytes, created_at) ${numbers(blobs)} SELECT ${digest('d', 'i')}, 1, 1 FROM n`,
    `INSERT INTO links (repository_id, digest, created_at) ${numbers(blobs)} SELECT 1, ${digest('d', 'i')}, 1 FROM n`,
    `INSERT INTO manifests (repository_id, digest, media_type, size_bytes, pushed_at)
     ${numbers(blobs / 10)} SELECT 1, ${digest('d', 'i')}, 'm', 1, 1 FROM n`,
    `INSERT INTO manifest_references (repository_id, manifest, digest)
     ${numbers(blobs)} SELECT 1, ${digest('d', `(1 + i % ${blobs / 10})`)}, ${digest('d', 'i')} FROM n`,
    `INSERT INTO blobs (digest, size_bytes, created_at) ${numbers(unneeded)} SELECT ${digest('e', 'i')}, 1, 1 FROM n`,
    `INSERT INTO links (repository_id, digest, created_at) ${numbers(unneeded)} SELECT 1, ${digest('e', 'i')}, 1 FROM n`,
    `INSERT INTO reviews (repository_id, digest, due_at) ${numbers(unneeded)} SELECT 1, ${digest('e', 'i')}, i FROM n`,
    'COMMIT',
    'ANALYZE',
  ])
    database.exec(sql);
}

const plainDigest = (part: 'd' | 'e', number: string): string => `'${part}' || ${number}`;
