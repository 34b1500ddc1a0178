-- The client's address, for the limit of unfinished uploads of each address.
ALTER TABLE uploads ADD COLUMN address TEXT NOT NULL DEFAULT '';
CREATE INDEX uploads_by_owner ON uploads (owner);
CREATE INDEX uploads_by_address ON uploads (address);
