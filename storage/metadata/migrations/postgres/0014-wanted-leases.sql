-- 1 when another process waits for the lease: its holder ends what makes no progress.
ALTER TABLE leases ADD COLUMN wanted INTEGER NOT NULL DEFAULT 0;
