-- Finds repositories by parts of their names and descriptions. method: 'fts5', 'trigram' or 'prefix'.
CREATE TABLE search_method (
  id     BIGINT PRIMARY KEY CHECK (id = 1),
  method TEXT   NOT NULL
);

-- The last component of a name.
ALTER TABLE catalog_entries ADD COLUMN base_name TEXT COLLATE "C" NOT NULL DEFAULT '';
UPDATE catalog_entries SET base_name = substring(name from '[^/]*$');
CREATE INDEX catalog_by_base_name ON catalog_entries (base_name, name);
CREATE INDEX tags_by_name ON tags (name, repository_id);

CREATE FUNCTION search_entry_added() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.base_name := substring(NEW.name from '[^/]*$');
  RETURN NEW;
END $$;
CREATE TRIGGER search_entry_added BEFORE INSERT ON catalog_entries FOR EACH ROW EXECUTE FUNCTION search_entry_added();

-- Without the right to create the extension, names are found by their beginning and by that of their last component.
DO $$
BEGIN
  CREATE EXTENSION IF NOT EXISTS pg_trgm;
  CREATE INDEX catalog_trigrams ON catalog_entries USING gin (name gin_trgm_ops, description gin_trgm_ops);
  INSERT INTO search_method (id, method) VALUES (1, 'trigram');
EXCEPTION WHEN OTHERS THEN
  INSERT INTO search_method (id, method) VALUES (1, 'prefix');
END $$;
