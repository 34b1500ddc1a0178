-- Personal namespaces: repositories below NAME/ belong to the account. An account of the same name that is created later does
-- not inherit them: after its account is deleted (account_id null) the row stays until an admin releases the name.
CREATE TABLE namespaces (
  name       TEXT COLLATE "C" PRIMARY KEY,
  account_id BIGINT REFERENCES accounts (id) ON DELETE SET NULL,
  deleted_at BIGINT
);
CREATE UNIQUE INDEX namespaces_by_account ON namespaces (account_id) WHERE account_id IS NOT NULL;
INSERT INTO namespaces (name, account_id) SELECT name, id FROM accounts WHERE kind = 'user';

-- Rules below a name are looked up by their pattern; names that differ only in case are one person's.
CREATE INDEX grants_by_pattern ON grants (pattern);
CREATE INDEX accounts_by_folded_name ON accounts (lower(name));

-- Older versions took any expiry; times beyond the year 9999 cannot be shown.
UPDATE accounts SET expires_at = 253402300799999 WHERE expires_at > 253402300799999;
UPDATE access_tokens SET expires_at = 253402300799999 WHERE expires_at > 253402300799999;
