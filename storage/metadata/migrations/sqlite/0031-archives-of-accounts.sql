-- The page lists the archives of an account. `file_name`: as the client named the file; '' if it did not.
ALTER TABLE archives ADD COLUMN file_name TEXT NOT NULL DEFAULT '';
CREATE INDEX archives_by_owner ON archives (owner, started_at);
