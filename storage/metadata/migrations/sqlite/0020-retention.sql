-- Retention: which repositories are to be evaluated, which rules are known since when, plans that wait for an approval, and what
-- was done. Times are milliseconds since 1970.

-- A repository whose tags may have to be expired at `due_at`.
CREATE TABLE retention_due (
  repository_id INTEGER PRIMARY KEY REFERENCES repositories (id) ON DELETE CASCADE,
  due_at        INTEGER NOT NULL
) STRICT;
CREATE INDEX retention_due_by_time ON retention_due (due_at, repository_id);

-- The configured rules, by a hash of everything that their decisions depend on.
CREATE TABLE retention_rules (
  hash          TEXT    PRIMARY KEY,
  first_seen_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- One row. `alive_at`: when the rules were last found in force. `ran_at`: the last run. `sweep_position`: the id of the last
-- repository that was marked as due after the rules had changed; null when all are.
CREATE TABLE retention_state (
  id               INTEGER PRIMARY KEY CHECK (id = 1),
  alive_at         INTEGER NOT NULL,
  ran_at           INTEGER NOT NULL,
  sweep_position   INTEGER
) STRICT;

-- Plans that would expire more than the brake allows.
CREATE TABLE retention_plans (
  id          TEXT    PRIMARY KEY,
  made_at     INTEGER NOT NULL,
  rules_hash  TEXT    NOT NULL,
  reason      TEXT    NOT NULL,
  approved_by TEXT,
  approved_at INTEGER
) STRICT, WITHOUT ROWID;

-- `tag` is '' for a manifest without a tag.
CREATE TABLE retention_plan_items (
  plan_id       TEXT    NOT NULL REFERENCES retention_plans (id) ON DELETE CASCADE,
  repository_id INTEGER NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
  digest        TEXT    NOT NULL,
  tag           TEXT    NOT NULL,
  pushed_at     INTEGER NOT NULL,
  rule          TEXT    NOT NULL,
  reason        TEXT    NOT NULL,
  PRIMARY KEY (plan_id, repository_id, digest, tag)
) STRICT, WITHOUT ROWID;

-- outcome: 'untagged', 'trashed', or 'changed' for what was not as planned any more.
CREATE TABLE retention_log (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  at          INTEGER NOT NULL,
  plan_id     TEXT    NOT NULL,
  repository  TEXT    NOT NULL,
  digest      TEXT    NOT NULL,
  tag         TEXT    NOT NULL,
  rule        TEXT    NOT NULL,
  reason      TEXT    NOT NULL,
  outcome     TEXT    NOT NULL,
  is_approved INTEGER NOT NULL
) STRICT;
CREATE INDEX retention_log_by_time ON retention_log (at);
CREATE INDEX retention_log_by_repository ON retention_log (repository, id);
