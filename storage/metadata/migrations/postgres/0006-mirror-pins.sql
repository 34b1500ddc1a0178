-- Content of images that the operator has listed: never evicted. It may not have come yet.
CREATE TABLE mirrored_pins (
  image     TEXT COLLATE "C" NOT NULL, -- as the configuration names it
  digest    TEXT COLLATE "C" NOT NULL,
  pinned_at BIGINT NOT NULL,
  PRIMARY KEY (image, digest)
);
CREATE INDEX mirrored_pins_by_digest ON mirrored_pins (digest);
