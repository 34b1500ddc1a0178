-- Whose account somebody is that an OpenID Connect provider knows: its own name for a person (`sub`) is never given to another.
CREATE TABLE oidc_subjects (
  issuer     TEXT COLLATE "C" NOT NULL,
  subject    TEXT COLLATE "C" NOT NULL,
  account_id BIGINT  NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  created_at BIGINT  NOT NULL,
  PRIMARY KEY (issuer, subject)
);
CREATE INDEX oidc_subjects_by_account ON oidc_subjects (account_id);
