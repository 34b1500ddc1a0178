-- Counted requests of one client within one window, for rate limits. Processes take shares of the limit ahead of the requests.
-- `ends_at`: milliseconds since 1970. `used`: shares taken. `granted`: the share that was taken last.
CREATE TABLE rate_windows (
  name    TEXT   COLLATE "C" PRIMARY KEY,
  ends_at BIGINT NOT NULL,
  used    BIGINT NOT NULL,
  granted BIGINT NOT NULL
);
CREATE INDEX rate_windows_by_end ON rate_windows (ends_at);
