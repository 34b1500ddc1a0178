import type { SyncEntryRecord, SyncFailureRecord } from '../../../storage/metadata/queries/sync/entries.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import type { Schedule } from '../retention/schedule.ts';
import { nextRun } from '../retention/schedule.ts';
import type { SyncSummary } from './progress.ts';

/** An entry in force, as the operator wrote it. */
export interface ConfiguredEntry {
  readonly name: string;
  readonly from: string;
  readonly to: string;
  readonly schedule: Schedule;
}

/** State of an entry. Times are milliseconds since 1970; null: never, or none. */
export interface EntryStatus {
  readonly name: string;
  readonly from: string;
  readonly to: string;
  /** - `running`: a run has begun and has not ended; after a crash, until another process continues it. */
  readonly state: 'never run' | 'requested' | 'running' | 'done' | 'failed';
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  readonly succeededAt: number | null;
  readonly nextRunAt: number;
  /** Why the last run ended early, or how much failed. */
  readonly error: string | null;
  /** What the last run did. */
  readonly summary: SyncSummary | null;
}

/** Shows the entries of `sync`, and takes requests for runs. */
export interface SyncOverview {
  list(): Promise<readonly EntryStatus[]>;
  /** Undefined for an entry that is not configured. */
  find(name: string): Promise<EntryStatus | undefined>;
  /** Returns what the last run of the entry could not do, at most `limit`. */
  listFailures(name: string, limit: number): Promise<readonly SyncFailureRecord[]>;
  /** Asks the server for a run, which begins some seconds later. False for an entry that is not configured. */
  request(name: string): Promise<boolean>;
  /** Returns the seconds since the last run of each entry without failures; since the entry is configured if there was none. */
  ages(): Promise<readonly { readonly entry: string; readonly seconds: number }[]>;
}

export function createSyncOverview(
  entries: readonly ConfiguredEntry[],
  { syncEntries }: Pick<MetadataStore, 'syncEntries'>,
  now: () => number,
): SyncOverview {
  async function list(): Promise<readonly EntryStatus[]> {
    const records = new Map((await syncEntries.list()).map((record) => [record.name, record]));
    return entries.map((entry) => toStatus(entry, records.get(entry.name), now()));
  }

  return {
    list,
    find: async (name) => (await list()).find((status) => status.name === name),
    listFailures: (name, limit) => syncEntries.listFailures(name, limit),
    async request(name) {
      if (!entries.some((entry) => entry.name === name)) return false;
      await syncEntries.add([name], now());
      return syncEntries.request(name, now());
    },
    async ages() {
      const names = new Set(entries.map(({ name }) => name));
      const records = entries.length === 0 ? [] : await syncEntries.list();
      return records
        .filter(({ name }) => names.has(name))
        .map(({ name, succeededAt, firstSeenAt }) => ({ entry: name, seconds: (now() - (succeededAt ?? firstSeenAt)) / 1000 }));
    },
  };
}

function toStatus({ name, from, to, schedule }: ConfiguredEntry, record: SyncEntryRecord | undefined, now: number): EntryStatus {
  const { startedAt = null, endedAt = null, succeededAt = null, retryAt = null, error = null } = record ?? {};
  return {
    name,
    from,
    to,
    state: stateOf(record),
    startedAt,
    endedAt,
    succeededAt,
    nextRunAt: retryAt ?? (startedAt === null && schedule.kind === 'interval' ? now : nextRun(schedule, startedAt ?? now, now)),
    error,
    summary: record?.summary == null ? null : (JSON.parse(record.summary) as SyncSummary),
  };
}

function stateOf(record: SyncEntryRecord | undefined): EntryStatus['state'] {
  if (!record) return 'never run';
  const { requestedAt, startedAt, endedAt, error } = record;
  if (requestedAt !== null) return 'requested';
  if (startedAt === null) return 'never run';
  if (endedAt === null || endedAt < startedAt) return 'running';
  return error === null ? 'done' : 'failed';
}
