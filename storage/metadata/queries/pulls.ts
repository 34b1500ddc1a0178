import type { Digest } from '../../../src/oci/digest.ts';
import type { RepositoryName } from '../../../src/oci/reference.ts';
import { type Query, all, concurrentWrite, first, insertRows, read, run } from './steps/query.ts';
import { restartPullTracking } from './steps/pull-tracking.ts';

/** When clients pulled manifests. Times are milliseconds since 1970. */

export interface Pull {
  readonly repository: RepositoryName;
  readonly digest: Digest;
  readonly at: number;
}

/** A later pull within this time of the recorded one is not recorded. */
export const pullResolutionMilliseconds = 3_600_000;

/**
 * Records pulls of manifests, for each manifest and for every index that contains it. A manifest is written at most once an
 * hour, whichever process records. Manifests that do not exist are passed over.
 */
export const record = concurrentWrite(function* (pulls: readonly Pull[]): Query<void> {
  for (const { repository, digest, at } of inOrder(pulls)) {
    const found = yield* first<{ id: number }>(
      'SELECT r.id AS "id" FROM repositories r JOIN manifests m ON m.repository_id = r.id AND m.digest = ? WHERE r.name = ?',
      digest,
      repository,
    );
    if (!found) continue;
    const manifests = [digest, ...(yield* parentsOf(found.id, digest))];
    yield* insertRows(
      'INSERT INTO manifest_pulls (repository_id, digest, pulled_at)',
      manifests.sort().map((manifest) => [found.id, manifest, at]),
      `ON CONFLICT (repository_id, digest) DO UPDATE SET pulled_at = excluded.pulled_at
         WHERE manifest_pulls.pulled_at <= excluded.pulled_at - ${pullResolutionMilliseconds}`,
    );
  }
});

/** Indexes of the repository that contain the manifest, also within another index. */
function* parentsOf(repositoryId: number, digest: Digest): Query<readonly Digest[]> {
  const parents = new Set<Digest>();
  const pending = [digest];
  for (let child = pending.pop(); child !== undefined; child = pending.pop()) {
    const rows = yield* all<{ manifest: Digest }>(
      'SELECT manifest AS "manifest" FROM manifest_references WHERE repository_id = ? AND digest = ?',
      repositoryId,
      child,
    );
    for (const { manifest } of rows) {
      if (parents.has(manifest)) continue;
      parents.add(manifest);
      pending.push(manifest);
    }
  }
  return [...parents];
}

/** In one order: writers that run beside each other must seldom wait for each other in a circle. */
function inOrder(pulls: readonly Pull[]): readonly Pull[] {
  const key = ({ repository, digest }: Pull) => `${repository} ${digest}`;
  return [...pulls].sort((one, other) => (key(one) < key(other) ? -1 : 1));
}

/**
 * Returns the last recorded pull of a manifest, or of an index that contains it; undefined: none since the start of the
 * recording.
 */
export const find = read(function* (repository: RepositoryName, digest: Digest): Query<number | undefined> {
  const row = yield* first<{ pulledAt: number }>(
    `SELECT p.pulled_at AS "pulledAt" FROM repositories r
       JOIN manifest_pulls p ON p.repository_id = r.id AND p.digest = ? WHERE r.name = ?`,
    digest,
    repository,
  );
  return row?.pulledAt;
});

/** Returns since when pulls are recorded; undefined: not yet. */
export const findStart = read(function* (): Query<number | undefined> {
  const row = yield* first<{ startedAt: number }>('SELECT started_at AS "startedAt" FROM pull_tracking WHERE id = 1');
  return row?.startedAt;
});

/** Begins the recording, where it has not begun. */
export const start = concurrentWrite(function* (now: number): Query<void> {
  yield* run('INSERT INTO pull_tracking (id, started_at) VALUES (1, ?) ON CONFLICT (id) DO NOTHING', now);
});

/** Begins the recording again, after an adoption or a restore: earlier pulls of their content are unknown. */
export const restart = concurrentWrite(restartPullTracking);
