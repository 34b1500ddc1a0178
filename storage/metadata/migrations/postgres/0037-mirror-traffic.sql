-- What the mirror did for clients, by upstream and hour (milliseconds since 1970, a multiple of an hour). All processes add to it.
-- saved_bytes: given to clients, and not sent by the upstream for them.
CREATE TABLE mirror_traffic (
  upstream      TEXT COLLATE "C" NOT NULL,
  hour          BIGINT NOT NULL,
  requests      BIGINT NOT NULL,
  hits          BIGINT NOT NULL,
  failures      BIGINT NOT NULL,
  served_bytes  BIGINT NOT NULL,
  fetched_bytes BIGINT NOT NULL,
  saved_bytes   BIGINT NOT NULL,
  PRIMARY KEY (upstream, hour)
);
CREATE INDEX mirror_traffic_by_hour ON mirror_traffic (hour);

-- What a process does for the mirror now, as JSON: downloads, circuits, limits. A process that is gone leaves an old row.
CREATE TABLE mirror_processes (
  id         TEXT COLLATE "C" PRIMARY KEY,
  updated_at BIGINT NOT NULL,
  state      TEXT    NOT NULL
);

CREATE INDEX mirrored_content_by_size ON mirrored_content (size_bytes, digest);
