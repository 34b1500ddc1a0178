-- Every change is one row, which the audit log and the consumers of events read. The rows of the audit log are the first ones.
ALTER TABLE audit_events RENAME TO events;
ALTER TABLE events RENAME COLUMN action TO kind;
-- Of changes of a repository's content. `previous`: the digest that the tag pointed at before.
ALTER TABLE events ADD COLUMN repository TEXT;
ALTER TABLE events ADD COLUMN tag TEXT;
ALTER TABLE events ADD COLUMN digest TEXT;
ALTER TABLE events ADD COLUMN previous TEXT;
ALTER TABLE events ADD COLUMN request_id TEXT;
DROP INDEX audit_events_by_actor;
DROP INDEX audit_events_by_target;
-- Events are deleted in the order of their ids.
DROP INDEX audit_events_by_time;
CREATE INDEX events_by_actor ON events (actor, id);
CREATE INDEX events_by_target ON events (target, id);

-- The last event that each consumer has handled.
CREATE TABLE event_cursors (
  consumer TEXT    PRIMARY KEY,
  position INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- A version before this one may still write: its triggers of read-only mode have names of the former table.
DROP TRIGGER IF EXISTS frozen_audit_events_insert;
DROP TRIGGER IF EXISTS frozen_audit_events_update;
DROP TRIGGER IF EXISTS frozen_audit_events_delete;
CREATE VIEW audit_events AS SELECT id, at, actor, address, kind AS action, target, result, detail FROM events;
CREATE TRIGGER audit_events_insert INSTEAD OF INSERT ON audit_events BEGIN
  INSERT INTO events (at, actor, address, kind, target, result, detail)
  VALUES (NEW.at, NEW.actor, NEW.address, NEW.action, NEW.target, NEW.result, NEW.detail);
END;
