-- Online garbage collection. Times are milliseconds since 1970.

-- What the collector looks at, and when: whether the repository still needs the blob or manifest; for repository_id 0, whether
-- any repository needs the bytes. Every change that can leave content unneeded writes these rows in its own transaction.
-- is_urgent: 1 if the bytes need not be kept for the newest backup. After ten failures due_at is the largest safe integer.
CREATE TABLE reviews (
  repository_id BIGINT NOT NULL,
  digest        TEXT COLLATE "C" NOT NULL,
  due_at        BIGINT NOT NULL,
  is_urgent     BIGINT NOT NULL DEFAULT 0,
  failures      BIGINT NOT NULL DEFAULT 0,
  last_error    TEXT,
  PRIMARY KEY (repository_id, digest)
);
CREATE INDEX reviews_by_time ON reviews (due_at, repository_id, digest);
CREATE INDEX reviews_by_failure ON reviews (repository_id, digest) WHERE failures > 0;

-- Writers that rely on the bytes of a digest, before their transaction records it.
CREATE TABLE claims (
  digest   TEXT COLLATE "C" NOT NULL,
  claimant TEXT    NOT NULL,
  until    BIGINT NOT NULL,
  PRIMARY KEY (digest, claimant)
);
CREATE INDEX claims_by_end ON claims (until);

-- Bytes that a collector is deleting. A digest is here or in blobs, never in both.
CREATE TABLE purges (
  digest     TEXT COLLATE "C" PRIMARY KEY,
  purger     TEXT    NOT NULL,
  size_bytes BIGINT NOT NULL,
  until      BIGINT NOT NULL
);

-- Since when no repository has needed the blob, if it waits for a newer backup before its bytes are deleted.
ALTER TABLE blobs ADD COLUMN unreferenced_since BIGINT;

-- One row: the delays of the configuration, the same for every process that writes reviews, and the state of the collector.
-- delay_ms: from a change to its review. untagged_ms: null keeps untagged manifests. audit_*: where the audit of all rows is.
CREATE TABLE collection (
  id               BIGINT PRIMARY KEY CHECK (id = 1),
  delay_ms         BIGINT NOT NULL,
  untagged_ms      BIGINT,
  paused_at        BIGINT,
  audit_part       TEXT    NOT NULL,
  audit_repository BIGINT NOT NULL,
  audit_digest     TEXT COLLATE "C" NOT NULL,
  audited_at       BIGINT
);
INSERT INTO collection (id, delay_ms, audit_part, audit_repository, audit_digest) VALUES (1, 7200000, 'links', 0, '');
