-- What a holder tells those who wait for its lease, such as how far it is.
ALTER TABLE leases ADD COLUMN note TEXT COLLATE "C";
