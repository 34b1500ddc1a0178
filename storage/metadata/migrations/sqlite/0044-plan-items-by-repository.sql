-- The deletion of a repository deletes its items of every plan.
CREATE INDEX retention_plan_items_by_repository ON retention_plan_items (repository_id);
