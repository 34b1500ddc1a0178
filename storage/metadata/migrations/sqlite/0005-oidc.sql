-- Whose account somebody is that an OpenID Connect provider knows: its own name for a person (`sub`) is never given to another.
CREATE TABLE oidc_subjects (
  issuer     TEXT    NOT NULL,
  subject    TEXT    NOT NULL,
  account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (issuer, subject)
) STRICT, WITHOUT ROWID;
CREATE INDEX oidc_subjects_by_account ON oidc_subjects (account_id);
