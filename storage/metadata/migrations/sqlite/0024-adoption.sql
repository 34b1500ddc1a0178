-- Adoption of a store that another registry has written. Times are milliseconds since 1970.

-- One row, from the first run on. Until finished_at is set the other registry may run, and no bytes are deleted.
CREATE TABLE adoption (
  id          INTEGER PRIMARY KEY CHECK (id = 1),
  started_at  INTEGER NOT NULL,
  -- Start of the newest run, and its end; null while it is incomplete.
  run_at      INTEGER NOT NULL,
  ended_at    INTEGER,
  finished_at INTEGER
) STRICT;

-- Parts of the store, and the last path of each that the newest run has read.
CREATE TABLE adoption_shards (
  name      TEXT    PRIMARY KEY,
  position  TEXT    NOT NULL,
  is_done   INTEGER NOT NULL,
  -- Sound things of the part that the newest run has found.
  blobs     INTEGER NOT NULL,
  bytes     INTEGER NOT NULL,
  layers    INTEGER NOT NULL,
  manifests INTEGER NOT NULL,
  tags      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Links as they were when they were read: the next run reads those that have changed. digest: what was adopted; null: nothing.
CREATE TABLE adopted_links (
  path        TEXT    PRIMARY KEY,
  modified_at INTEGER NOT NULL,
  size_bytes  INTEGER NOT NULL,
  digest      TEXT   
) STRICT, WITHOUT ROWID;

-- What is unusual in the store: lines of the report.
CREATE TABLE adoption_oddities (
  path   TEXT    NOT NULL,
  kind   TEXT    NOT NULL,
  detail TEXT    NOT NULL,
  PRIMARY KEY (path, kind)
) STRICT, WITHOUT ROWID;
CREATE INDEX adoption_oddities_by_kind ON adoption_oddities (kind, path);
