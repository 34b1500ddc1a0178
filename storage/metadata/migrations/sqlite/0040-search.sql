-- Finds repositories by parts of their names and descriptions. method: 'fts5', 'trigram' or 'prefix'.
CREATE TABLE search_method (
  id     INTEGER PRIMARY KEY CHECK (id = 1),
  method TEXT    NOT NULL
) STRICT;
INSERT INTO search_method (id, method) VALUES (1, 'fts5');

-- The last component of a name.
ALTER TABLE catalog_entries ADD COLUMN base_name TEXT NOT NULL DEFAULT '';
UPDATE catalog_entries SET base_name = replace(name, rtrim(name, replace(name, '/', '')), '');
CREATE INDEX catalog_by_base_name ON catalog_entries (base_name, name);
CREATE INDEX tags_by_name ON tags (name, repository_id);

-- The texts of `catalog_entries`, by repository_id.
CREATE VIRTUAL TABLE catalog_texts USING fts5 (name, description, tokenize = 'trigram');
INSERT INTO catalog_texts (rowid, name, description) SELECT repository_id, name, description FROM catalog_entries;

CREATE TRIGGER search_entry_added AFTER INSERT ON catalog_entries BEGIN
  UPDATE catalog_entries SET base_name = replace(NEW.name, rtrim(NEW.name, replace(NEW.name, '/', '')), '')
   WHERE repository_id = NEW.repository_id;
  INSERT INTO catalog_texts (rowid, name, description) VALUES (NEW.repository_id, NEW.name, NEW.description);
END;
CREATE TRIGGER search_entry_described AFTER UPDATE OF description ON catalog_entries
WHEN NEW.description <> OLD.description BEGIN
  UPDATE catalog_texts SET description = NEW.description WHERE rowid = NEW.repository_id;
END;
CREATE TRIGGER search_entry_removed AFTER DELETE ON catalog_entries BEGIN
  DELETE FROM catalog_texts WHERE rowid = OLD.repository_id;
END;
