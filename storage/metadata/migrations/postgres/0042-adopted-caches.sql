-- The upstream that a pull-through cache belongs to while its store is adopted as mirrored content; null: it is adopted as pushed.
ALTER TABLE adoption ADD COLUMN upstream TEXT COLLATE "C";
