-- The digest that a tag pointed at before its last write; null where the tag was new. The audit log tells it.
ALTER TABLE tags ADD COLUMN previous TEXT;
