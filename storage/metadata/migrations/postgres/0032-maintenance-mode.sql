-- One row while clients can change no content. `since`: milliseconds since 1970. `actor`: who began it.
CREATE TABLE maintenance_mode (
  id     BIGINT PRIMARY KEY CHECK (id = 1),
  reason TEXT   NOT NULL,
  since  BIGINT NOT NULL,
  actor  TEXT   NOT NULL
);
