-- How expensive the passwords from htpasswd files are: every login costs as much as the most expensive of them.
CREATE INDEX accounts_by_bcrypt_cost ON accounts (substr(password_hash, 5, 2)) WHERE substr(password_hash, 1, 2) = '$2';
