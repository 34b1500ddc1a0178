-- 1 if a writer stood still for longer than its claim on the bytes, and may store them after they were deleted. Kept while the
-- deletion passes from one collector to another.
ALTER TABLE purges ADD COLUMN may_return BIGINT NOT NULL DEFAULT 0;
