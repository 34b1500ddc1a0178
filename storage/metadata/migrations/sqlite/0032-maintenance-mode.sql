-- One row while clients can change no content. `since`: milliseconds since 1970. `actor`: who began it.
CREATE TABLE maintenance_mode (
  id     INTEGER PRIMARY KEY CHECK (id = 1),
  reason TEXT    NOT NULL,
  since  INTEGER NOT NULL,
  actor  TEXT    NOT NULL
) STRICT;
