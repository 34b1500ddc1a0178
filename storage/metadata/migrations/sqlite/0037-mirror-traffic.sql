-- What the mirror did for clients, by upstream and hour (milliseconds since 1970, a multiple of an hour). All processes add to it.
-- saved_bytes: given to clients, and not sent by the upstream for them.
CREATE TABLE mirror_traffic (
  upstream      TEXT    NOT NULL,
  hour          INTEGER NOT NULL,
  requests      INTEGER NOT NULL,
  hits          INTEGER NOT NULL,
  failures      INTEGER NOT NULL,
  served_bytes  INTEGER NOT NULL,
  fetched_bytes INTEGER NOT NULL,
  saved_bytes   INTEGER NOT NULL,
  PRIMARY KEY (upstream, hour)
) STRICT, WITHOUT ROWID;
CREATE INDEX mirror_traffic_by_hour ON mirror_traffic (hour);

-- What a process does for the mirror now, as JSON: downloads, circuits, limits. A process that is gone leaves an old row.
CREATE TABLE mirror_processes (
  id         TEXT    PRIMARY KEY,
  updated_at INTEGER NOT NULL,
  state      TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX mirrored_content_by_size ON mirrored_content (size_bytes, digest);
