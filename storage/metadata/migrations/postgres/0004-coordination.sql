-- Who does what among several processes, and until when (milliseconds since 1970) that is believed without a sign of life.
CREATE TABLE leases (
  name       TEXT COLLATE "C" PRIMARY KEY,
  holder     TEXT   NOT NULL,
  held_until BIGINT NOT NULL
);
CREATE INDEX leases_by_end ON leases (held_until);
