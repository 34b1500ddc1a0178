-- Upstreams that had passThrough: their private content stays private after they have left the configuration.
CREATE TABLE passed_through_upstreams (
  upstream TEXT COLLATE "C" PRIMARY KEY
);
CREATE INDEX mirrored_repositories_by_upstream ON mirrored_repositories (upstream, by_login);
