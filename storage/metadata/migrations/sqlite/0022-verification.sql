-- Verification of stored bytes. Times are milliseconds since 1970.

-- checked_at: when all bytes were last stored, or read and found right. stored_times: how often they were stored: content that was
-- stored again while it was read must not be called corrupt.
ALTER TABLE blobs ADD COLUMN checked_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE blobs ADD COLUMN stored_times INTEGER NOT NULL DEFAULT 1;
CREATE INDEX blobs_by_check ON blobs (checked_at, digest);

-- Quarantine: content whose bytes were found missing or wrong, twice. It is not served until the right bytes are there again.
CREATE TABLE corrupt_content (
  digest       TEXT    PRIMARY KEY REFERENCES blobs (digest) ON DELETE CASCADE,
  problem      TEXT    NOT NULL, -- missing, wrong_size, wrong_digest
  found_at     INTEGER NOT NULL,
  checked_at   INTEGER NOT NULL,
  repair_error TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX corrupt_content_by_check ON corrupt_content (checked_at, digest);

-- One row: the verification that was asked for last, and how far it is. position: JSON; null when it has ended.
CREATE TABLE verification (
  id           INTEGER PRIMARY KEY CHECK (id = 1),
  depth        TEXT    NOT NULL, -- quick, deep
  percent      INTEGER NOT NULL, -- of all content, chosen at random
  repositories TEXT,
  requested_at INTEGER NOT NULL,
  requested_by TEXT    NOT NULL,
  position     TEXT,
  checked      INTEGER NOT NULL,
  corrupt      INTEGER NOT NULL,
  unreadable   INTEGER NOT NULL,
  ended_at     INTEGER
) STRICT;
