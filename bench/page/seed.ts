import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** A large registry, written as rows: pushes would take hours. Its manifests have no bytes, so that only lists show them. */

/** One repository has half of the tags. */
export const largeRepository = 'bench/large';
const tagsOfRepository = 5;
/** Ids of repositories follow this one: the server has some of its own. */
const lastId = 1000;
const reposOfNamespace = 100;

/** Returns the number of repositories of a registry with so many tags, without the large one. */
export function repositoriesOf(tags: number): number {
  return tags / 2 / tagsOfRepository;
}

/** Returns the name of the `number`th repository, from 1. */
export function repositoryName(number: number): string {
  return `team-${Math.floor(number / reposOfNamespace)}/app-${number}`;
}

export interface Contents {
  readonly tags: number;
  /** A layer that every repository has. */
  readonly sharedLayer: string;
}

/**
 * Fills the database of a server that is stopped. Triggers, which count each row, are off meanwhile: the rows come with their
 * counts.
 */
export function seed(directory: string, { tags, sharedLayer }: Contents): void {
  const database = new DatabaseSync(join(directory, 'metadata.sqlite'), { enableForeignKeyConstraints: false });
  const triggers = database.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").all();
  database.exec('PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -1000000; BEGIN');
  for (const { name } of triggers) database.exec(`DROP TRIGGER "${String(name)}"`);
  for (const sql of statements(tags, sharedLayer, Date.now())) database.exec(sql);
  for (const { sql } of triggers) database.exec(String(sql));
  database.exec('COMMIT; PRAGMA journal_mode = WAL');
  database.close();
}

const numbers = (count: number) => `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count})`;
/** The repository of the `i`th of the tags that are not in the large repository. */
const repositoryOfTag = `((i - 1) / ${tagsOfRepository} + 1 + ${lastId})`;
const imageType = 'application/vnd.oci.image.manifest.v1+json';
const minute = 60_000;

/** Repository `i` is `team-T/app-I`, with the tags `1.0` to `1.3` and `latest`. */
function statements(tags: number, sharedLayer: string, now: number): readonly string[] {
  const repositories = repositoriesOf(tags);
  const large = lastId + repositories + 1;
  const half = tags / 2;
  const digest = "'sha256:' || printf('%064x', i * 2654435761 % 4294967296)";
  const largeDigest = "'sha256:f' || printf('%063x', i)";
  const name = `'team-' || (i / ${reposOfNamespace}) || '/app-' || i`;
  const description = `'Serves the application ' || i`;
  const at = `${now} - i * ${minute}`;
  const tag = `CASE (i - 1) % ${tagsOfRepository} WHEN 0 THEN 'latest' ELSE '1.' || ((i - 1) % ${tagsOfRepository} - 1) END`;
  const natural = `CASE (i - 1) % ${tagsOfRepository} WHEN 0 THEN 'latest'
    WHEN 1 THEN '0011.000' ELSE '0011.001' || ((i - 1) % ${tagsOfRepository} - 1) END`;
  const image = `1000000 + i, 'image', '[{"platform":"linux/amd64","digest":"sha256:00","downloadBytes":1000000}]', 1, 1`;
  return [
    `INSERT INTO repositories (id, name, created_at) ${numbers(repositories)} SELECT i + ${lastId}, ${name}, ${at} FROM n`,
    `INSERT INTO repositories (id, name, created_at) VALUES (${large}, '${largeRepository}', ${now})`,
    `INSERT OR IGNORE INTO blobs (digest, size_bytes, created_at, checked_at) VALUES ('${sharedLayer}', 1000000, 1, ${now})`,
    `INSERT INTO blobs (digest, size_bytes, created_at, checked_at) ${numbers(half)} SELECT ${digest}, 500, 1, ${now} FROM n`,
    `INSERT INTO blobs (digest, size_bytes, created_at, checked_at) ${numbers(half)} SELECT ${largeDigest}, 500, 1, ${now} FROM n`,
    `INSERT INTO manifests (repository_id, digest, media_type, size_bytes, pushed_at)
     ${numbers(half)} SELECT ${repositoryOfTag}, ${digest}, '${imageType}', 500, ${at} FROM n`,
    `INSERT INTO manifests (repository_id, digest, media_type, size_bytes, pushed_at)
     ${numbers(half)} SELECT ${large}, ${largeDigest}, '${imageType}', 500, ${at} FROM n`,
    `INSERT INTO links (repository_id, digest, created_at) ${numbers(repositories + 1)} SELECT i + ${lastId}, '${sharedLayer}', ${at} FROM n`,
    `INSERT INTO manifest_references (repository_id, manifest, digest)
     ${numbers(half)} SELECT ${repositoryOfTag}, ${digest}, '${sharedLayer}' FROM n`,
    `INSERT INTO manifest_references (repository_id, manifest, digest)
     ${numbers(half)} SELECT ${large}, ${largeDigest}, '${sharedLayer}' FROM n`,
    `INSERT INTO tags (repository_id, name, digest, updated_at, natural_name)
     ${numbers(half)} SELECT ${repositoryOfTag}, ${tag}, ${digest}, ${at}, ${natural} FROM n`,
    `INSERT INTO tags (repository_id, name, digest, updated_at, natural_name)
     ${numbers(half)} SELECT ${large}, 'v' || i, ${largeDigest}, ${at}, 'v' || printf('%03d', length(i)) || i FROM n`,
    `INSERT INTO tag_history (repository_id, name, at, to_digest, actor, reason)
     ${numbers(half)} SELECT ${large}, 'v' || i, ${at}, ${largeDigest}, 'ci', '' FROM n`,
    `INSERT INTO catalog_images (repository_id, digest, download_bytes, kind, platforms, changes, described)
     ${numbers(half)} SELECT ${repositoryOfTag}, ${digest}, ${image} FROM n`,
    `INSERT INTO catalog_images (repository_id, digest, download_bytes, kind, platforms, changes, described)
     ${numbers(half)} SELECT ${large}, ${largeDigest}, ${image} FROM n`,
    `INSERT INTO catalog_entries (repository_id, name, natural_name, namespace, tags, size_bytes, pushed_at, pulled_at,
       description, kind, platforms, base_name)
     ${numbers(repositories)} SELECT i + ${lastId}, ${name}, 'team-' || printf('%03d', length(i / ${reposOfNamespace})) || (i / ${reposOfNamespace})
       || '/app-' || printf('%03d', length(i)) || i, 'team-' || (i / ${reposOfNamespace}), ${tagsOfRepository}, 1000000 + i * 500, ${at}, ${at},
       ${description}, 'image', CASE i % 3 WHEN 0 THEN 'linux/amd64 linux/arm64' ELSE 'linux/amd64' END, 'app-' || i FROM n`,
    `INSERT INTO catalog_entries (repository_id, name, natural_name, namespace, tags, size_bytes, pushed_at, kind, base_name)
     VALUES (${large}, '${largeRepository}', '${largeRepository}', 'bench', ${half}, 1000000, ${now}, 'image', 'large')`,
    `INSERT INTO catalog_texts (rowid, name, description) SELECT repository_id, name, description FROM catalog_entries WHERE repository_id > ${lastId}`,
    `INSERT OR REPLACE INTO catalog_namespaces (namespace, repositories)
     SELECT namespace, count(*) FROM catalog_entries GROUP BY namespace`,
    ...usage(repositories, now),
    ...trash(repositories, now, digest),
  ];
}

/** Sizes as a count of ten minutes leaves them: the measured server counts only what changes, not everything again after a minute. */
function usage(repositories: number, now: number): readonly string[] {
  const zeros = '0, 0, 0, 0, 0';
  return [
    `INSERT INTO repository_usage (repository_id, namespace, contents, bytes, own_bytes, held_bytes, cache_bytes, trash_bytes,
       garbage_bytes, untagged_manifests, untagged_bytes, counted_at)
     ${numbers(repositories)} SELECT i + ${lastId}, 'team-' || (i / ${reposOfNamespace}), 6, 1000000 + i * 500, i * 500, i * 500, ${zeros}, ${now} FROM n`,
    'DELETE FROM namespace_usage',
    `INSERT INTO namespace_usage (namespace, repositories, contents, bytes, own_bytes, held_bytes, cache_bytes, trash_bytes,
       garbage_bytes, untagged_manifests, untagged_bytes)
     SELECT namespace, count(*), sum(contents), sum(bytes), sum(own_bytes), sum(held_bytes), ${zeros} FROM repository_usage
      GROUP BY namespace UNION ALL
     SELECT '', count(*), sum(contents), sum(bytes), sum(own_bytes), sum(held_bytes), ${zeros} FROM repository_usage`,
    `INSERT OR REPLACE INTO usage_state (id, started_at, completed_at, event_position, is_stale, orphan_blobs, orphan_bytes, index_bytes,
       uploads, upload_bytes) VALUES (1, ${now} - 10 * ${minute}, ${now}, 0, 0, 0, 0, 0, 0, 0)`,
  ];
}

/** Each repository has one image in the trash. */
function trash(repositories: number, now: number, digest: string): readonly string[] {
  return [
    `INSERT INTO trash_entries (id, repository_id, digest, manifests, deleted_at, purge_at, actor, reason, cause)
     ${numbers(repositories)} SELECT i, i + ${lastId}, ${digest}, 1, ${now} - i, ${now} + 86400000, 'ci', '', 'delete' FROM n`,
    `INSERT INTO trashed_manifests (repository_id, digest, entry_id, media_type, size_bytes, pushed_at)
     ${numbers(repositories)} SELECT i + ${lastId}, 'sha256:e' || printf('%063x', i), i, '${imageType}', 500, ${now} FROM n`,
    `INSERT INTO blobs (digest, size_bytes, created_at, checked_at)
     ${numbers(repositories)} SELECT 'sha256:e' || printf('%063x', i), 500, 1, ${now} FROM n`,
    `INSERT INTO trashed_tags (entry_id, repository_id, name, digest)
     ${numbers(repositories)} SELECT i, i + ${lastId}, 'old', 'sha256:e' || printf('%063x', i) FROM n`,
  ];
}
