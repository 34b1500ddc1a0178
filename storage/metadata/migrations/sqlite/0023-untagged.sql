-- When a manifest lost its tags, for the deletion of untagged manifests.
CREATE INDEX tag_history_by_origin ON tag_history (repository_id, from_digest, at) WHERE from_digest IS NOT NULL;

-- What garbage collection has deleted: the time of the last deletion in milliseconds since 1970, and the sums since the beginning.
ALTER TABLE collection ADD COLUMN purged_at    INTEGER;
ALTER TABLE collection ADD COLUMN purged_blobs INTEGER NOT NULL DEFAULT 0;
ALTER TABLE collection ADD COLUMN purged_bytes INTEGER NOT NULL DEFAULT 0;
