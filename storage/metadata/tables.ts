/** What happens to a table when an installation is transferred to another database. */
export interface Table {
  readonly name: string;
  /** False if berth may change the table in read-only mode, because its rows are not transferred or are temporary. */
  readonly isFrozen: boolean;
  /** False if its rows stay behind: the target has its own, computes them, or fetches them again. */
  readonly isTransferred: boolean;
}

/** Consumers of events go on while content is frozen: the target of the transfer begins where they were, or repeats a little. */
const ofConsumers = (name: string): Table => ({ name, isFrozen: false, isTransferred: true });

const transferred = (name: string): Table => ({ name, isFrozen: true, isTransferred: true });

/** Frozen, but the target computes or fetches its own rows: sums, pending space, cached listings. */
const leftBehind = (name: string): Table => ({ name, isFrozen: true, isTransferred: false });

/** Belongs to the running processes: leases, unfinished uploads, applied migrations. */
const temporary = (name: string): Table => ({ name, isFrozen: false, isTransferred: false });

/** Every table of the metadata store. A table comes after those that it references. */
export const tables: readonly Table[] = [
  temporary('schema_migrations'),
  transferred('repositories'),
  transferred('blobs'),
  transferred('corrupt_content'),
  transferred('links'),
  transferred('manifests'),
  transferred('manifest_references'),
  transferred('tags'),
  temporary('uploads'),
  temporary('archives'),
  transferred('accounts'),
  transferred('teams'),
  transferred('team_members'),
  transferred('grants'),
  transferred('access_tokens'),
  transferred('signing_keys'),
  transferred('visibilities'),
  transferred('access_epoch'),
  transferred('events'),
  ofConsumers('event_cursors'),
  transferred('mirrored_repositories'),
  // A start and a reload add to it, also in read-only mode.
  { name: 'passed_through_upstreams', isFrozen: false, isTransferred: true },
  transferred('mirrored_tags'),
  transferred('mirrored_promises'),
  transferred('mirrored_content'),
  temporary('leases'),
  transferred('oidc_subjects'),
  transferred('mirrored_pins'),
  leftBehind('mirrored_transits'),
  transferred('mirrored_refusals'),
  leftBehind('mirrored_size'),
  transferred('namespaces'),
  leftBehind('mirrored_listings'),
  transferred('trash_entries'),
  transferred('trashed_manifests'),
  transferred('trashed_references'),
  transferred('trashed_tags'),
  transferred('holds'),
  transferred('tag_history'),
  transferred('manifest_pulls'),
  transferred('pull_tracking'),
  transferred('reviews'),
  temporary('claims'),
  temporary('purges'),
  temporary('collection'),
  transferred('collection_blocks'),
  // The target has other backups, or none: they are not moved with it.
  temporary('backups'),
  transferred('retention_due'),
  transferred('retention_rules'),
  transferred('retention_state'),
  transferred('retention_plans'),
  transferred('retention_plan_items'),
  transferred('retention_log'),
  temporary('verification'),
  transferred('adoption'),
  transferred('adoption_shards'),
  transferred('adopted_links'),
  transferred('adoption_oddities'),
  transferred('sync_entries'),
  transferred('sync_failures'),
  transferred('sync_tags'),
  temporary('sync_uploads'),
  // The target configures and counts its own.
  temporary('quota_rules'),
  temporary('quotas'),
  temporary('quota_repositories'),
  temporary('quota_members'),
  temporary('quota_contents'),
  temporary('quota_state'),
  temporary('rate_windows'),
  temporary('maintenance_mode'),
  // Counted on while content is frozen.
  { name: 'mirror_traffic', isFrozen: false, isTransferred: true },
  temporary('mirror_processes'),
  temporary('client_checks'),
  // Counted again by the target.
  temporary('repository_usage'),
  temporary('namespace_usage'),
  temporary('usage_state'),
  temporary('job_runs'),
  temporary('jobs'),
  transferred('stars'),
  transferred('repository_texts'),
  // Triggers count them at the target, and a job describes the images there.
  temporary('catalog_entries'),
  temporary('catalog_namespaces'),
  temporary('catalog_images'),
  ofConsumers('webhook_targets'),
  ofConsumers('webhook_queues'),
  ofConsumers('webhook_deliveries'),
  temporary('search_method'),
];
