import type { Digest } from '../../../../src/oci/digest.ts';
import type { RepositoryName } from '../../../../src/oci/reference.ts';
import { type HoldRecord, findHold } from '../steps/holds.ts';
import { type Query, type Row, all, batches, decoder, first, read } from '../steps/query.ts';
import { marksFor } from '../steps/removal.ts';

/** Queries for why content is kept and for what its deletion frees. Times are milliseconds since 1970. */

export interface Keepers {
  /** At most the limit of the question. */
  readonly tags: readonly string[];
  /** Indexes that contain it; at most the limit of the question. */
  readonly parents: readonly Digest[];
  readonly hold: HoldRecord | undefined;
  readonly subject: Digest | null;
  /** True if the repository has the subject. */
  readonly isSubjectHere: boolean;
}

/** Finds what keeps the manifest; undefined if the repository does not have it. */
export const find = read(function* (
  repository: RepositoryName,
  digest: Digest,
  now: number,
  limit: number,
): Query<Keepers | undefined> {
  const manifest = yield* first<{ id: number; subject: Digest | null; isSubjectHere: number }>(
    `SELECT r.id AS "id", m.subject AS "subject",
            coalesce((SELECT 1 FROM manifests s WHERE s.repository_id = r.id AND s.digest = m.subject), 0) AS "isSubjectHere"
       FROM repositories r JOIN manifests m ON m.repository_id = r.id AND m.digest = ? WHERE r.name = ?`,
    digest,
    repository,
  );
  if (!manifest) return undefined;
  const { id, subject, isSubjectHere } = manifest;
  const tags = yield* all<{ name: string }>(
    'SELECT name AS "name" FROM tags WHERE repository_id = ? AND digest = ? ORDER BY name LIMIT ?',
    id,
    digest,
    limit,
  );
  const parents = yield* all<{ manifest: Digest }>(
    `SELECT manifest AS "manifest" FROM manifest_references WHERE repository_id = ? AND digest = ? ORDER BY manifest LIMIT ?`,
    id,
    digest,
    limit,
  );
  return {
    tags: tags.map(({ name }) => name),
    parents: parents.map(({ manifest: parent }) => parent),
    hold: yield* findHold(id, digest, now),
    subject,
    isSubjectHere: isSubjectHere === 1,
  };
});

/** A blob or manifest that a deletion concerns. */
export interface ConcernedContent {
  readonly digest: Digest;
  readonly sizeBytes: number;
  /** True if the repository needs it no longer once the manifests are deleted. */
  readonly isFreed: boolean;
  /** True if another repository has it. */
  readonly isElsewhere: boolean;
}

const toContent = decoder<ConcernedContent>('isFreed', 'isElsewhere');

/** Lists the manifests and everything that they reference, each once: shows what a deletion of all of them frees. */
export const listContent = read(function* (
  repository: RepositoryName,
  manifests: readonly Digest[],
): Query<readonly ConcernedContent[]> {
  const found = yield* first<{ id: number }>('SELECT id AS "id" FROM repositories WHERE name = ?', repository);
  if (!found) return [];
  const uses = new Map<Digest, number>(manifests.map((digest) => [digest, 0]));
  for (const batch of batches(manifests)) {
    const rows = yield* all<{ digest: Digest }>(
      `SELECT digest AS "digest" FROM manifest_references WHERE repository_id = ? AND manifest IN (${marksFor(batch)})`,
      found.id,
      ...batch,
    );
    for (const { digest } of rows) uses.set(digest, (uses.get(digest) ?? 0) + 1);
  }
  const contents: ConcernedContent[] = [];
  for (const batch of batches([...uses.keys()])) {
    for (const row of yield* findContent(found.id, batch)) {
      const isFreed = row['uses'] === uses.get(row['digest'] as Digest) ? 1 : 0;
      contents.push(toContent({ ...row, isFreed }));
    }
  }
  return contents.map(({ digest, sizeBytes, isFreed, isElsewhere }) => ({ digest, sizeBytes, isFreed, isElsewhere }));
});

function findContent(id: number, digests: readonly Digest[]): Query<readonly Row[]> {
  const count = (table: string) => `(SELECT count(*) FROM ${table} f WHERE f.repository_id = ? AND f.digest = b.digest)`;
  const elsewhere = (table: string) => `(SELECT 1 FROM ${table} x WHERE x.digest = b.digest AND x.repository_id <> ? LIMIT 1)`;
  return all<Row>(
    `SELECT b.digest AS "digest", b.size_bytes AS "sizeBytes",
            ${count('manifest_references')} + ${count('trashed_references')} AS "uses",
            coalesce(${elsewhere('links')}, ${elsewhere('manifests')}, ${elsewhere('trashed_manifests')}, 0) AS "isElsewhere"
       FROM blobs b WHERE b.digest IN (${marksFor(digests)})`,
    ...[id, id, id, id, id],
    ...digests,
  );
}
