-- Whether what was mirrored may be for everybody. by_login: 1 where berth has shown a login of its own for some of it; what
-- an older berth has mirrored may be such, too. is_public: whether a client without a login could read the repository at
-- the upstream when that was last found out (checked_at, milliseconds since 1970), null where it was not; proof: the digest
-- of a manifest that it could read.
ALTER TABLE mirrored_repositories ADD COLUMN by_login INTEGER NOT NULL DEFAULT 1;
ALTER TABLE mirrored_repositories ADD COLUMN is_public INTEGER;
ALTER TABLE mirrored_repositories ADD COLUMN checked_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE mirrored_repositories ADD COLUMN proof TEXT COLLATE "C";
