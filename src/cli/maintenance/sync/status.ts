import type { Sync } from '../../../assembly/maintenance/sync.ts';
import type { RunnableEntry } from '../../../maintenance/sync/runner.ts';
import type { Invocation } from '../../program/command.ts';
import { printRecords, time } from '../../program/output.ts';

const statusColumns = {
  NAME: 'name',
  FROM: 'from',
  TO: 'to',
  STATE: 'state',
  ENDED: 'ended',
  SUCCEEDED: 'succeeded',
  'NEXT RUN': 'nextRun',
  TAGS: 'copiedTags',
  BYTES: 'copiedBytes',
  ERROR: 'error',
} as const;

/** Prints the last runs of the chosen entries, and what they could not copy. */
export async function printStatus({ overview }: Sync, chosen: readonly RunnableEntry[], invocation: Invocation): Promise<void> {
  const names = new Set(chosen.map(({ entry }) => entry.name));
  const statuses = (await overview.list()).filter(({ name }) => names.has(name));
  const records = statuses.map(({ name, from, to, state, endedAt, succeededAt, nextRunAt, error, summary }) => ({
    name,
    from,
    to,
    state,
    error,
    ended: time(endedAt),
    succeeded: time(succeededAt),
    nextRun: time(nextRunAt),
    copiedTags: summary?.copiedTags ?? null,
    copiedBytes: summary?.copiedBytes ?? null,
  }));
  printRecords(invocation, statusColumns, records);
  for (const name of names)
    for (const { repository, reference, reason } of await overview.listFailures(name, maxWarnings))
      invocation.warn(`${name}: ${repository}${reference === '' ? '' : `:${reference}`}: ${reason}`);
}

/** Failures of an entry that are printed. */
export const maxWarnings = 100;
