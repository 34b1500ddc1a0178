-- Every change is one row, which the audit log and the consumers of events read. The rows of the audit log are the first ones.
ALTER TABLE audit_events RENAME TO events;
ALTER TABLE events RENAME COLUMN action TO kind;
-- Of changes of a repository's content. `previous`: the digest that the tag pointed at before.
ALTER TABLE events ADD COLUMN repository TEXT;
ALTER TABLE events ADD COLUMN tag TEXT;
ALTER TABLE events ADD COLUMN digest TEXT;
ALTER TABLE events ADD COLUMN previous TEXT;
ALTER TABLE events ADD COLUMN request_id TEXT;
ALTER INDEX audit_events_by_actor RENAME TO events_by_actor;
ALTER INDEX audit_events_by_target RENAME TO events_by_target;
-- Events are deleted in the order of their ids.
DROP INDEX audit_events_by_time;

-- The last event that each consumer has handled.
CREATE TABLE event_cursors (
  consumer TEXT   PRIMARY KEY,
  position BIGINT NOT NULL
);

-- Replicas of the version before this one go on writing to it.
CREATE VIEW audit_events AS SELECT id, at, actor, address, kind AS action, target, result, detail FROM events;
