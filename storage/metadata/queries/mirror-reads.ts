import { type Query, all, first } from './query.ts';
import type { StoredListing } from './mirror-listings.ts';

/** What can be asked about mirrored content. */

export interface MirroredTagRecord {
  readonly digest: string;
  readonly mediaType: string;
  readonly sizeBytes: number;
  /** When the upstream last said so, in milliseconds since 1970. */
  readonly checkedAt: number;
  /** Since when the upstream has said that there is no such tag, or null. */
  readonly missingSince: number | null;
  /** The newest manifest of the tag that is here; null where none is. It may be older than `digest`. */
  readonly heldDigest: string | null;
  readonly heldMediaType: string | null;
  readonly heldSizeBytes: number | null;
  /** When the upstream last said that the tag points at it, in milliseconds since 1970. */
  readonly heldSince: number | null;
}

export function* findMirroredTag(repository: string, tag: string): Query<MirroredTagRecord | undefined> {
  return yield* first<MirroredTagRecord>(
    `SELECT t.digest AS "digest", t.media_type AS "mediaType", t.size_bytes AS "sizeBytes", t.checked_at AS "checkedAt",
            t.missing_since AS "missingSince", m.digest AS "heldDigest", m.media_type AS "heldMediaType",
            m.size_bytes AS "heldSizeBytes", h.updated_at AS "heldSince"
       FROM repositories r
       JOIN mirrored_tags t ON t.repository_id = r.id AND t.name = ?
       LEFT JOIN tags h ON h.repository_id = r.id AND h.name = t.name
       LEFT JOIN manifests m ON m.repository_id = r.id AND m.digest = h.digest
      WHERE r.name = ?`,
    tag,
    repository,
  );
}

export interface UpstreamVisibilityRecord {
  /** 1 where berth has shown a login of its own for some of what is here. */
  readonly byLogin: number;
  /** Whether everybody could read the repository at its upstream: 1 or 0, null where nobody has asked. */
  readonly isPublic: number | null;
  /** When that was found out, in milliseconds since 1970. */
  readonly checkedAt: number;
  /** Digest of a manifest that everybody could read. */
  readonly proof: string | null;
}

/** Undefined for a repository that is nobody's mirror. */
export function* findUpstreamVisibility(repository: string): Query<UpstreamVisibilityRecord | undefined> {
  return yield* first<UpstreamVisibilityRecord>(
    `SELECT m.by_login AS "byLogin", m.is_public AS "isPublic", m.checked_at AS "checkedAt", m.proof AS "proof"
       FROM repositories r JOIN mirrored_repositories m ON m.repository_id = r.id WHERE r.name = ?`,
    repository,
  );
}

/** Those of `names` that hold what may not be for everybody: since `since` no upstream has shown it to a client without a login. */
export function* listHiddenRepositories(names: readonly string[], since: number): Query<readonly string[]> {
  if (names.length === 0) return [];
  const rows = yield* all<{ name: string }>(
    `SELECT r.name AS "name" FROM repositories r JOIN mirrored_repositories m ON m.repository_id = r.id
      WHERE r.name IN (${names.map(() => '?').join(', ')}) AND m.by_login = 1
        AND (coalesce(m.is_public, 0) = 0 OR m.checked_at < ?)`,
    ...names,
    since,
  );
  return rows.map(({ name }) => name);
}

/** Digest of a manifest that lies in the repository. */
export function* findAnyManifest(repository: string): Query<string | undefined> {
  const row = yield* first<{ digest: string }>(
    'SELECT digest AS "digest" FROM manifests WHERE repository_id = (SELECT id FROM repositories WHERE name = ?) LIMIT 1',
    repository,
  );
  return row?.digest;
}

/** Whether the repository exists and is nobody's mirror: somebody pushed it. */
export function* isPushedRepository(name: string): Query<boolean> {
  const row = yield* first(
    `SELECT 1 FROM repositories r LEFT JOIN mirrored_repositories m ON m.repository_id = r.id
      WHERE r.name = ? AND m.repository_id IS NULL`,
    name,
  );
  return row !== undefined;
}

/** Content that a manifest of the mirrored repository names. */
export interface PromiseRecord {
  readonly sizeBytes: number;
  /** 1 where it has come already from an upstream that shows it to everybody. */
  readonly isOpen: number;
}

export function* findPromise(repository: string, digest: string): Query<PromiseRecord | undefined> {
  return yield* first<PromiseRecord>(
    `SELECT p.size_bytes AS "sizeBytes",
            CASE WHEN EXISTS (SELECT 1 FROM links l JOIN mirrored_repositories m ON m.repository_id = l.repository_id
                               WHERE l.digest = p.digest AND m.by_login = 0) THEN 1 ELSE 0 END AS "isOpen"
       FROM repositories r
       JOIN mirrored_promises p ON p.repository_id = r.id AND p.digest = ?
      WHERE r.name = ?`,
    digest,
    repository,
  );
}

/** Size of a blob that the store has, whichever repositories serve it. */
export function* findContent(digest: string): Query<{ readonly sizeBytes: number } | undefined> {
  return yield* first<{ readonly sizeBytes: number }>('SELECT size_bytes AS "sizeBytes" FROM blobs WHERE digest = ?', digest);
}

/** How much the mirror has, for all processes that share the store: kept in one row, summed up by nobody. */
export interface MirrorSize {
  /** Of everything that came from upstreams and is kept. */
  readonly contentBytes: number;
  /** The part of it that was used again after it came. */
  readonly protectedBytes: number;
  /** What the store has or is about to have beside it: on its way in, or out. */
  readonly transitBytes: number;
}

export function* mirrorSize(): Query<MirrorSize> {
  const size = yield* first<MirrorSize>(
    `SELECT content_bytes AS "contentBytes", protected_bytes AS "protectedBytes", transit_bytes AS "transitBytes"
       FROM mirrored_size WHERE id = 1`,
  );
  return size ?? { contentBytes: 0, protectedBytes: 0, transitBytes: 0 };
}

export interface MirroredContentRecord {
  readonly digest: string;
  readonly sizeBytes: number;
  readonly usedAt: number;
}

/** Mirrored content that nothing pins, least recently used first: what was used once, or what was used again. */
export function* leastRecentlyUsed(isProtected: boolean, limit: number): Query<readonly MirroredContentRecord[]> {
  return yield* all<MirroredContentRecord>(
    `SELECT digest AS "digest", size_bytes AS "sizeBytes", used_at AS "usedAt"
       FROM mirrored_content c
      WHERE is_protected = ? AND NOT EXISTS (SELECT 1 FROM mirrored_pins p WHERE p.digest = c.digest)
      ORDER BY used_at, digest LIMIT ?`,
    isProtected ? 1 : 0,
    limit,
  );
}

/** What has been on its way in or out since before `since`, oldest first: whoever moved it may have died. */
export function* transitsSince(since: number, isLeaving: boolean, limit: number): Query<readonly { readonly digest: string }[]> {
  return yield* all<{ readonly digest: string }>(
    'SELECT digest AS "digest" FROM mirrored_transits WHERE is_leaving = ? AND since < ? ORDER BY since LIMIT ?',
    isLeaving ? 1 : 0,
    since,
    limit,
  );
}

/** Images that pin content. */
export function* pinnedImages(): Query<readonly string[]> {
  const rows = yield* all<{ image: string }>('SELECT DISTINCT image AS "image" FROM mirrored_pins');
  return rows.map(({ image }) => image);
}

/** Bytes of pinned content that is here. */
export function* pinnedBytes(): Query<number> {
  const row = yield* first<{ total: number | string | null }>(
    `SELECT sum(size_bytes) AS "total" FROM mirrored_content
      WHERE digest IN (SELECT digest FROM mirrored_pins)`,
  );
  return Number(row?.total ?? 0);
}

/** The page of a listing that an upstream gave last. */
export function* findListing(repository: string, path: string): Query<Omit<StoredListing, 'repository' | 'path'> | undefined> {
  return yield* first<Omit<StoredListing, 'repository' | 'path'>>(
    `SELECT document AS "document", next AS "next", fetched_at AS "fetchedAt"
       FROM mirrored_listings WHERE repository = ? AND path = ?`,
    repository,
    path,
  );
}
