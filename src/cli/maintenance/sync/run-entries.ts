import type { Sync } from '../../../assembly/maintenance/sync.ts';
import { RunEnded } from '../../../maintenance/sync/failures.ts';
import type { RunResult, RunnableEntry } from '../../../maintenance/sync/runner.ts';
import type { SyncAction } from '../../../maintenance/sync/sync-repository.ts';
import { CommandError, type Invocation } from '../../program/command.ts';
import { progressLine } from './progress-line.ts';
import { printResults } from './results.ts';
import { maxWarnings } from './status.ts';

/** Runs the chosen entries one after the other. Throws `CommandError` if one has failed, or after a signal. */
export async function runEntries(sync: Sync, chosen: readonly RunnableEntry[], invocation: Invocation): Promise<void> {
  const interrupted = invocation.onSignal().then((signal) => sync.close().then(() => signal));
  const results: RunResult[] = [];
  const actions: (SyncAction & { readonly entry: string })[] = [];
  try {
    for (const one of chosen) {
      const result = await runOne(sync, one, invocation, (action) => void actions.push({ ...action, entry: one.entry.name }));
      if (result) results.push(result);
      else invocation.warn(`${one.entry.name}: another process runs it now`);
    }
  } catch (error) {
    if (error instanceof RunEnded) throw new CommandError(`${await interrupted}: stopped; the next run continues`);
    throw error;
  }
  printResults(invocation, results, actions);
  const failed = results.filter(({ error }) => error !== undefined);
  if (failed.length > 0) throw new CommandError(failed.map(({ name, error }) => `${name}: ${error ?? ''}`).join('\n'));
}

async function runOne({ runner }: Sync, entry: RunnableEntry, invocation: Invocation, onAction: (action: SyncAction) => void) {
  const { options } = invocation;
  const line = progressLine(entry.entry.name, invocation);
  let warnings = 0;
  const result = await runner.run(entry, {
    isDryRun: options['dryRun'] === true,
    isFull: options['full'] === true,
    tagsOnly: options['tagsOnly'] === true,
    allowsDeletions: options['allowDeletions'] === true,
    onProgress: line.show,
    onAction(action) {
      if (options['dryRun'] === true) onAction(action);
      if (action.action !== 'fail' || ++warnings > maxWarnings) return;
      line.clear();
      invocation.warn(`${action.repository}${action.reference === '' ? '' : `:${action.reference}`}: ${action.reason}`);
    },
  });
  line.clear();
  return result;
}
