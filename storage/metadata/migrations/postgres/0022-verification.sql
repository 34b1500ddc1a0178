-- Verification of stored bytes. Times are milliseconds since 1970.

-- checked_at: when all bytes were last stored, or read and found right. stored_times: how often they were stored: content that was
-- stored again while it was read must not be called corrupt.
ALTER TABLE blobs ADD COLUMN checked_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE blobs ADD COLUMN stored_times BIGINT NOT NULL DEFAULT 1;
CREATE INDEX blobs_by_check ON blobs (checked_at, digest);

-- Quarantine: content whose bytes were found missing or wrong, twice. It is not served until the right bytes are there again.
CREATE TABLE corrupt_content (
  digest       TEXT COLLATE "C" PRIMARY KEY REFERENCES blobs (digest) ON DELETE CASCADE,
  problem      TEXT COLLATE "C" NOT NULL, -- missing, wrong_size, wrong_digest
  found_at     BIGINT NOT NULL,
  checked_at   BIGINT NOT NULL,
  repair_error TEXT COLLATE "C"
);
CREATE INDEX corrupt_content_by_check ON corrupt_content (checked_at, digest);

-- One row: the verification that was asked for last, and how far it is. position: JSON; null when it has ended.
CREATE TABLE verification (
  id           BIGINT PRIMARY KEY CHECK (id = 1),
  depth        TEXT COLLATE "C" NOT NULL, -- quick, deep
  percent      BIGINT NOT NULL, -- of all content, chosen at random
  repositories TEXT COLLATE "C",
  requested_at BIGINT NOT NULL,
  requested_by TEXT COLLATE "C" NOT NULL,
  position     TEXT COLLATE "C",
  checked      BIGINT NOT NULL,
  corrupt      BIGINT NOT NULL,
  unreadable   BIGINT NOT NULL,
  ended_at     BIGINT
);
