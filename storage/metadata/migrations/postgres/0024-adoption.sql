-- Adoption of a store that another registry has written. Times are milliseconds since 1970.

-- One row, from the first run on. Until finished_at is set the other registry may run, and no bytes are deleted.
CREATE TABLE adoption (
  id          INTEGER PRIMARY KEY CHECK (id = 1),
  started_at  BIGINT NOT NULL,
  -- Start of the newest run, and its end; null while it is incomplete.
  run_at      BIGINT NOT NULL,
  ended_at    BIGINT,
  finished_at BIGINT
);

-- Parts of the store, and the last path of each that the newest run has read.
CREATE TABLE adoption_shards (
  name      TEXT COLLATE "C" PRIMARY KEY,
  position  TEXT COLLATE "C" NOT NULL,
  is_done   BIGINT NOT NULL,
  -- Sound things of the part that the newest run has found.
  blobs     BIGINT NOT NULL,
  bytes     BIGINT NOT NULL,
  layers    BIGINT NOT NULL,
  manifests BIGINT NOT NULL,
  tags      BIGINT NOT NULL
);

-- Links as they were when they were read: the next run reads those that have changed. digest: what was adopted; null: nothing.
CREATE TABLE adopted_links (
  path        TEXT COLLATE "C" PRIMARY KEY,
  modified_at BIGINT NOT NULL,
  size_bytes  BIGINT NOT NULL,
  digest      TEXT COLLATE "C"
);

-- What is unusual in the store: lines of the report.
CREATE TABLE adoption_oddities (
  path   TEXT COLLATE "C" NOT NULL,
  kind   TEXT COLLATE "C" NOT NULL,
  detail TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (path, kind)
);
CREATE INDEX adoption_oddities_by_kind ON adoption_oddities (kind, path);
