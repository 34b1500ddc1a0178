import type { MetadataStore } from '../storage/metadata/store.ts';

/** Records runs of scheduled jobs in the metadata store, for people who look at any process. */
export interface JobRecords {
  /** `endedAt`: milliseconds since 1970. `error`: why the run failed; undefined: it succeeded. Never waits and never throws. */
  ran(name: string, run: { readonly endedAt: number; readonly seconds: number; readonly error: unknown }): void;
}

/** Least time between two records of a job that goes on as before: some jobs run every second. */
const intervalMilliseconds = 60_000;
const longestError = 500;

export function createJobRecords(store: Pick<MetadataStore['jobRuns'], 'record'>): JobRecords {
  const recorded = new Map<string, { readonly at: number; readonly error: string | undefined }>();

  return {
    ran(name, { endedAt, seconds, error: cause }) {
      const error = cause === undefined ? undefined : messageOf(cause);
      const last = recorded.get(name);
      if (last && last.error === error && endedAt - last.at < intervalMilliseconds) return;
      recorded.set(name, { at: endedAt, error });
      // A store that cannot be written must not fail the job: metrics and the log have the run too.
      store.record({ name, endedAt, milliseconds: Math.round(seconds * 1000), error }).catch(() => recorded.delete(name));
    },
  };
}

function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replaceAll('\0', '').slice(0, longestError);
}
