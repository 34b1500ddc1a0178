-- Content of images that the operator has listed: never evicted. It may not have come yet.
CREATE TABLE mirrored_pins (
  image     TEXT    NOT NULL, -- as the configuration names it
  digest    TEXT    NOT NULL,
  pinned_at INTEGER NOT NULL,
  PRIMARY KEY (image, digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX mirrored_pins_by_digest ON mirrored_pins (digest);
