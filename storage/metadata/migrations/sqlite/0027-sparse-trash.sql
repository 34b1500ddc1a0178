-- 1: the repository did not have the content when the manifest was deleted, such as platforms of an index that were never copied.
-- A restoration does not wait for it.
ALTER TABLE trashed_references ADD COLUMN was_missing INTEGER NOT NULL DEFAULT 0;
