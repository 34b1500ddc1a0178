import { isLong } from './long.ts';

/**
 * A large registry as SQL that both databases understand: 10,000 repositories, one of them with nearly all of the 100,000
 * tags and 200,000 links, and 100,000 rows in every other table that grows with use. In the long run the registry's own
 * tables are four times as large: 400,000 tags. Constraints must be off while it is written.
 */
const scale = isLong ? 4 : 1;
const repositories = 10_000 * scale;
const contents = 100_000 * scale;
const many = 100_000;

const rows = (count: number) => `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count})`;

export const manyRows: readonly string[] = [
  `INSERT INTO repositories (name, created_at) ${rows(repositories)} SELECT 'app' || i, i FROM n`,
  `INSERT INTO blobs (digest, size_bytes, created_at, checked_at) ${rows(2 * contents)} SELECT 'd' || i, 1, i, i FROM n`,
  `INSERT INTO corrupt_content (digest, problem, found_at, checked_at) ${rows(many)} SELECT 'd' || (100000 + i), 'missing', i, i FROM n`,
  `INSERT INTO links (repository_id, digest, created_at) ${rows(2 * contents)} SELECT 1, 'd' || i, i FROM n`,
  `INSERT INTO links (repository_id, digest, created_at) ${rows(repositories)} SELECT i, 'shared', i FROM n`,
  `INSERT INTO manifests (repository_id, digest, media_type, size_bytes, artifact_type, subject, pushed_at)
   ${rows(contents)} SELECT 1, 'd' || i, 'm', 1, 't' || i % 3, CASE WHEN i % 4 = 0 THEN 'd1' ELSE NULL END, i FROM n`,
  `INSERT INTO manifests (repository_id, digest, media_type, size_bytes, pushed_at)
   ${rows(repositories)} SELECT i, 'shared', 'm', 1, i FROM n`,
  `INSERT INTO manifest_references (repository_id, manifest, digest) ${rows(contents)} SELECT 1, 'd' || i, 'd' || (i + 1) FROM n`,
  `INSERT INTO manifest_references (repository_id, manifest, digest) ${rows(contents)} SELECT 1, 'd' || i, 'shared' FROM n`,
  `INSERT INTO tags (repository_id, name, digest, updated_at) ${rows(contents)} SELECT 1, 't' || i, 'd' || i, i FROM n`,
  `INSERT INTO tags (repository_id, name, digest, updated_at) ${rows(repositories)} SELECT i, 'latest', 'shared', i FROM n`,
  `INSERT INTO manifest_pulls (repository_id, digest, pulled_at) ${rows(contents)} SELECT 1, 'd' || i, i FROM n`,
  // A repository that is not mirrored, with as much in the trash.
  `INSERT INTO manifests (repository_id, digest, media_type, size_bytes, subject, pushed_at)
   ${rows(many)} SELECT 10000, 'd' || i, 'm', 1, CASE WHEN i % 2 = 0 THEN 'd' || (i + 1) END, i FROM n`,
  `INSERT INTO manifest_references (repository_id, manifest, digest) ${rows(many)} SELECT 10000, 'd' || i, 'shared' FROM n`,
  `INSERT INTO tags (repository_id, name, digest, updated_at) ${rows(many)} SELECT 10000, 't' || i, 'd' || i, i FROM n WHERE i % 3 = 0`,
  `INSERT INTO trash_entries (id, repository_id, digest, manifests, deleted_at, purge_at, actor, reason, cause)
   ${rows(many)} SELECT i, 10000, 'd' || (i + 100000), 1, i, i - 1, 'a', '', 'delete' FROM n`,
  `INSERT INTO trashed_manifests (repository_id, digest, entry_id, media_type, size_bytes, pushed_at)
   ${rows(many)} SELECT 10000, 'd' || (i + 100000), i, 'm', 1, i FROM n`,
  `INSERT INTO trashed_references (repository_id, manifest, digest) ${rows(many)} SELECT 10000, 'd' || (i + 100000), 'shared' FROM n`,
  `INSERT INTO trashed_tags (entry_id, repository_id, name, digest) ${rows(many)} SELECT i, 10000, 'x' || i, 'd' || (i + 100000) FROM n`,
  `INSERT INTO holds (repository_id, digest, reason, actor, created_at, until)
   ${rows(many)} SELECT 10000, 'd' || i, 'r', 'a', i, i FROM n`,
  `INSERT INTO tag_history (repository_id, name, at, to_digest, actor, reason)
   ${rows(many)} SELECT 10000, 't' || (i % 1000), i, 'd' || i, 'a', '' FROM n`,
  `INSERT INTO retention_due (repository_id, due_at) ${rows(repositories)} SELECT i, i FROM n`,
  `INSERT INTO retention_log (at, plan_id, repository, digest, tag, rule, reason, outcome, is_approved)
   ${rows(many)} SELECT i, 'p', 'app' || i % 1000, 'd', 't', 'r', '', 'trashed', 0 FROM n`,
  `INSERT INTO uploads (id, repository, algorithm, started_at) ${rows(many)} SELECT 'u' || i, 'app1', 'sha256', i FROM n`,
  `INSERT INTO reviews (repository_id, digest, due_at) ${rows(many)} SELECT i % 2, 'd' || i, i FROM n`,
  `INSERT INTO reviews (repository_id, digest, due_at) ${rows(many)} SELECT 0, 'x' || i, i FROM n`,
  `INSERT INTO reviews (repository_id, digest, due_at, failures) ${rows(many)} SELECT 5, 'd' || i, 9e15, i % 20 FROM n`,
  `INSERT INTO claims (digest, claimant, until) ${rows(many)} SELECT 'd' || i, 'c', i FROM n`,
  `INSERT INTO purges (digest, purger, size_bytes, until) ${rows(many)} SELECT 'p' || i, 'p', 1, i FROM n`,
  `INSERT INTO leases (name, holder, held_until) ${rows(many)} SELECT 'l' || i, 'h', i FROM n`,
  `INSERT INTO mirrored_repositories (repository_id, upstream) ${rows(repositories)} SELECT i, 'docker.io' FROM n WHERE i < 10000`,
  `INSERT INTO mirrored_tags (repository_id, name, digest, media_type, size_bytes, checked_at)
   ${rows(many)} SELECT 1, 't' || i, 'd' || i, 'm', 1, i FROM n`,
  `INSERT INTO mirrored_promises (repository_id, digest, size_bytes) ${rows(many)} SELECT 1, 'd' || i, 1 FROM n`,
  `INSERT INTO mirrored_content (digest, size_bytes, used_at) ${rows(many)} SELECT 'd' || i, 1, i FROM n`,
  `INSERT INTO mirrored_pins (image, digest, pinned_at) ${rows(many)} SELECT 'i' || (i % 1000), 'd' || (2 * i), i FROM n`,
  `INSERT INTO mirrored_transits (digest, is_leaving, size_bytes, since) ${rows(many)} SELECT 'd' || i, i % 2, 1, i FROM n`,
  `INSERT INTO mirrored_refusals (digest, refused_at) ${rows(many)} SELECT 'd' || i, i FROM n`,
  `INSERT INTO accounts (kind, name, is_admin, created_at)
   ${rows(many)} SELECT 'user', 'a' || i, CASE WHEN i = 1 THEN 1 ELSE 0 END, i FROM n`,
  `INSERT INTO oidc_subjects (issuer, subject, account_id, created_at) ${rows(many)} SELECT 'i5', 's' || i, i, i FROM n`,
  `INSERT INTO access_tokens (id, kind, account_id, name, secret_hash, created_at)
   ${rows(many)} SELECT 'k' || i, 'personal', i, 'n', 's' || i, i FROM n`,
  `INSERT INTO team_members (account_id, team_id) ${rows(many)} SELECT i, i % 100 FROM n`,
  `INSERT INTO grants (subject, pattern, actions, created_at) ${rows(many)} SELECT 'account:' || i, 'x/*', 'pull', i FROM n`,
  `INSERT INTO visibilities (pattern, is_public, is_wildcard)
   ${rows(many)} SELECT 'app' || i, i % 2, CASE WHEN i < 10 THEN 1 ELSE 0 END FROM n`,
  `INSERT INTO events (at, actor, address, kind, target, result)
   ${rows(many)} SELECT i, 'a' || i, '', 'login', 'app' || i, 'done' FROM n`,
  `INSERT INTO backups (name, began_at, ended_at) ${rows(many)} SELECT 'b' || i, i, CASE WHEN i > 1 THEN i END FROM n`,
  `INSERT INTO event_cursors (consumer, position) ${rows(10)} SELECT 'c' || i, 50000 + i FROM n`,
  `INSERT INTO event_cursors (consumer, position) VALUES ('retention', 50000)`,
  `UPDATE uploads SET reserved_bytes = 1 WHERE id IN (SELECT 'u' || i * 100 FROM (${rows(1000)} SELECT i FROM n) x)`,
  `UPDATE tags SET natural_name = name`,
  `INSERT INTO catalog_entries (repository_id, name, natural_name, namespace, is_mirrored, tags, size_bytes, pushed_at, pulled_at)
   ${rows(repositories)} SELECT i, 'app' || i, 'app' || i, '', i % 2, i, i, i, i FROM n`,
  `INSERT INTO catalog_namespaces (namespace, repositories) ${rows(many)} SELECT 'team' || i, i FROM n`,
  `INSERT INTO catalog_images (repository_id, digest, pulled_at, download_bytes, described)
   ${rows(contents)} SELECT 1, 'd' || i, i, i, 1 FROM n`,
  `UPDATE catalog_images SET described = 0 WHERE digest > 'd9'`,
  `INSERT INTO stars (account_id, repository, starred_at) ${rows(many)} SELECT i % 100, 'app' || i, i FROM n`,
  `INSERT INTO repository_texts (repository, description, readme, updated_at, updated_by)
   ${rows(many)} SELECT 'app' || i, 'd', 'r', i, 'a' FROM n`,
  `INSERT INTO webhook_targets (name, waiting, seen_at) ${rows(2)} SELECT 'target' || i, 1, i FROM n`,
  `INSERT INTO webhook_queues (target, repository) ${rows(many)} SELECT 'target1', 'app' || i FROM n`,
  `INSERT INTO webhook_deliveries (target, message_id, repository, type, content, state, queued_at, ended_at)
   ${rows(many)} SELECT 'target1', 'm' || i, 'app' || (i % 1000), 't', '{}',
     CASE i % 3 WHEN 0 THEN 'waiting' WHEN 1 THEN 'dead' ELSE 'delivered' END, i, i FROM n`,
  // The last rows: from here on triggers count each change of content.
  `INSERT INTO quota_rules (id, name, patterns, per, max_bytes, state) VALUES (1, 'each', '["**"]', 'repository', 9e15, 'counted')`,
  `INSERT INTO quota_rules (id, name, patterns, per, max_bytes, state) VALUES (2, 'whole', '["**"]', 'all', 9e15, 'counted')`,
  `INSERT INTO quota_rules (id, name, patterns, per, max_bytes, state) VALUES (3, 'new', '["app1"]', 'all', 9e15, 'counting')`,
  `INSERT INTO quotas (id, rule_id, name, used_bytes) ${rows(repositories)} SELECT i, 1, 'app' || i, i FROM n`,
  `INSERT INTO quotas (id, rule_id, name, used_bytes) VALUES (900001, 2, '', 1)`,
  `INSERT INTO quotas (id, rule_id, name, uncounted) VALUES (900002, 3, '', 1)`,
  `INSERT INTO quota_repositories (repository, version) ${rows(repositories)} SELECT 'app' || i, 1 FROM n`,
  `INSERT INTO quota_contents (quota_id, digest, size_bytes, uses) ${rows(many)} SELECT 1, 'd' || i, 0, 1 FROM n`,
  `INSERT INTO quota_contents (quota_id, digest, size_bytes, uses) ${rows(many)} SELECT 900001, 'd' || i, 0, 1 FROM n`,
  `INSERT INTO quota_members (repository, quota_id, counted_to, tags_counted_to)
   ${rows(repositories)} SELECT 'app' || i, i, '~', '~' FROM n`,
  `INSERT INTO quota_members (repository, quota_id, counted_to, tags_counted_to)
   ${rows(repositories)} SELECT 'app' || i, 900001, '~', '~' FROM n`,
  `INSERT INTO quota_members (repository, quota_id, counted_to, tags_counted_to) VALUES ('app1', 900002, 'd5', 't5')`,
  `UPDATE quota_state SET version = 1, position = ${repositories} WHERE id = 1`,
];
