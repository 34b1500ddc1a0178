-- Counted requests of one client within one window, for rate limits. Processes take shares of the limit ahead of the requests.
-- `ends_at`: milliseconds since 1970. `used`: shares taken. `granted`: the share that was taken last.
CREATE TABLE rate_windows (
  name    TEXT    PRIMARY KEY,
  ends_at INTEGER NOT NULL,
  used    INTEGER NOT NULL,
  granted INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX rate_windows_by_end ON rate_windows (ends_at);
