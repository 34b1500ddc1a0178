import type { Digest } from '../../../../src/oci/digest.ts';
import { subjectTags } from '../../../../src/oci/subject-tags.ts';
import { type Query, type Row, all, batches, decoder } from './query.ts';

/** Decides what goes together with a manifest that is deleted. Times are milliseconds since 1970. */

export interface TagRecord {
  readonly name: string;
  readonly digest: Digest;
}

/** What is deleted together. */
export interface Removal {
  /** The deleted manifest first. */
  readonly manifests: readonly Digest[];
  /** Their tags, and tags that follow them although they point at manifests that stay. */
  readonly tags: readonly TagRecord[];
}

/** What keeps a manifest that depends on a deleted one. */
interface Dependant {
  readonly digest: Digest;
  /** Indexes that contain it. */
  parents: number;
  tags: number;
  readonly isHeld: boolean;
  readonly subject: Digest | null;
  /** True if its subject is in the trash, or it has none. A subject that was never here keeps it. */
  readonly isSubjectGone: boolean;
}

interface Dependencies {
  /** One item for each index that contains the manifest. */
  readonly children: readonly Digest[];
  readonly referrers: readonly Digest[];
  readonly followers: readonly TagRecord[];
}

const toDependant = decoder<Dependant>('isHeld', 'isSubjectGone');

/**
 * Returns the manifest and everything that only it keeps: children of an index, referrers, and manifests with a tag that
 * follows it, and what only those keep. A dependant stays if it has a tag of its own, a hold, another index, or a subject that
 * stays or was never here. Reads each edge once.
 */
export function* planRemoval(repositoryId: number, root: Digest, now: number): Query<Removal> {
  const removed = new Set<Digest>([root]);
  const dependants = new Map<Digest, Dependant>();
  const followers = new Map<string, Digest>();
  for (let wave: readonly Digest[] = [root]; wave.length > 0;) {
    const found = yield* findDependencies(repositoryId, wave);
    const loosened = new Set([...found.children, ...found.referrers, ...found.followers.map(({ digest }) => digest)]);
    const unknown = [...loosened].filter((digest) => !dependants.has(digest));
    for (const dependant of yield* findDependants(repositoryId, unknown, now)) dependants.set(dependant.digest, dependant);
    for (const digest of found.children) loosen(dependants.get(digest), 'parents');
    for (const { name, digest } of found.followers) {
      followers.set(name, digest);
      loosen(dependants.get(digest), 'tags');
    }
    wave = [...loosened].filter((digest) => !removed.has(digest) && !isKept(dependants.get(digest), removed));
    for (const digest of wave) removed.add(digest);
  }
  const manifests = [...removed];
  for (const { name, digest } of yield* findTags(repositoryId, manifests)) followers.set(name, digest);
  return { manifests, tags: [...followers].map(([name, digest]) => ({ name, digest })) };
}

function loosen(dependant: Dependant | undefined, what: 'parents' | 'tags'): void {
  if (dependant) dependant[what]--;
}

function isKept(dependant: Dependant | undefined, removed: ReadonlySet<Digest>): boolean {
  if (!dependant) return true;
  const { parents, tags, isHeld, subject, isSubjectGone } = dependant;
  return parents > 0 || tags > 0 || isHeld || !(isSubjectGone || (subject !== null && removed.has(subject)));
}

function* findDependencies(repositoryId: number, manifests: readonly Digest[]): Query<Dependencies> {
  const children: Digest[] = [];
  const referrers: Digest[] = [];
  const followers: TagRecord[] = [];
  for (const batch of batches(manifests)) {
    const marks = marksFor(batch);
    const contained = `SELECT f.digest AS "digest" FROM manifest_references f
      JOIN manifests m ON m.repository_id = f.repository_id AND m.digest = f.digest
     WHERE f.repository_id = ? AND f.manifest IN (${marks})`;
    const referring = `SELECT digest AS "digest" FROM manifests WHERE repository_id = ? AND subject IN (${marks})`;
    for (const { digest } of yield* all<{ digest: Digest }>(contained, repositoryId, ...batch)) children.push(digest);
    for (const { digest } of yield* all<{ digest: Digest }>(referring, repositoryId, ...batch)) referrers.push(digest);
    for (const tag of yield* findFollowers(repositoryId, batch)) followers.push(tag);
  }
  return { children, referrers, followers };
}

/** Returns the tags that follow the manifests, whichever manifests they point at. */
function* findFollowers(repositoryId: number, manifests: readonly Digest[]): Query<readonly TagRecord[]> {
  const names = manifests.flatMap((digest) => subjectTags(digest));
  return yield* all<TagRecord>(
    `SELECT name AS "name", digest AS "digest" FROM tags WHERE repository_id = ? AND name IN (${marksFor(names)})`,
    repositoryId,
    ...names,
  );
}

function* findDependants(repositoryId: number, digests: readonly Digest[], now: number): Query<readonly Dependant[]> {
  const found: Dependant[] = [];
  const own = (table: string) => `${table}.repository_id = m.repository_id AND ${table}.digest = m.digest`;
  for (const batch of batches(digests)) {
    // Scalar subqueries: PostgreSQL reads whole tables for EXISTS in a list of columns.
    const rows = yield* all<Row>(
      `SELECT m.digest AS "digest", m.subject AS "subject",
              (SELECT count(*) FROM manifest_references p WHERE ${own('p')}) AS "parents",
              (SELECT count(*) FROM tags t WHERE ${own('t')}) AS "tags",
              coalesce((SELECT 1 FROM holds h WHERE ${own('h')} AND (h.until IS NULL OR h.until > ?) LIMIT 1), 0) AS "isHeld",
              CASE WHEN m.subject IS NULL THEN 1 ELSE coalesce((SELECT 1 FROM trashed_manifests s
                WHERE s.repository_id = m.repository_id AND s.digest = m.subject LIMIT 1), 0) END AS "isSubjectGone"
         FROM manifests m WHERE m.repository_id = ? AND m.digest IN (${marksFor(batch)})`,
      now,
      repositoryId,
      ...batch,
    );
    for (const row of rows) found.push(toDependant(row));
  }
  return found;
}

/** Returns the tags of the manifests. */
export function* findTags(repositoryId: number, digests: readonly Digest[]): Query<readonly TagRecord[]> {
  const found: TagRecord[] = [];
  for (const batch of batches(digests)) {
    const rows = yield* all<TagRecord>(
      `SELECT name AS "name", digest AS "digest" FROM tags WHERE repository_id = ? AND digest IN (${marksFor(batch)})`,
      repositoryId,
      ...batch,
    );
    for (const row of rows) found.push(row);
  }
  return found;
}

export function marksFor(values: readonly unknown[]): string {
  return values.map(() => '?').join(', ');
}
