import type { Config } from '../../../config/schema.ts';
import { openBlobStore } from '../../assembly/blob-store.ts';
import { readDeletion } from '../../assembly/maintenance/deletion-settings.ts';
import { openAdmission } from '../../assembly/maintenance/quotas.ts';
import { type Sync, openSync } from '../../assembly/maintenance/sync.ts';
import { openMetadata } from '../../assembly/metadata-store.ts';
import { createLeases } from '../../coordination/leases.ts';
import { RunEnded } from '../../maintenance/sync/failures.ts';
import type { SyncSummary } from '../../maintenance/sync/progress.ts';
import type { RunResult, RunnableEntry } from '../../maintenance/sync/runner.ts';
import type { SyncAction } from '../../maintenance/sync/sync-repository.ts';
import { createLog } from '../../observability/log.ts';
import { createRegistry } from '../../registry/registry.ts';
import { locateMetadata } from '../accounts/admin-command.ts';
import { CommandError, type Invocation, UsageError } from '../program/command.ts';
import { asksForJson, printRecords, printValue, time } from '../program/output.ts';
import { inUnits } from '../program/progress.ts';

/** `berth sync`: copies now, also beside a running server, or shows what was copied. */
export async function runSync(invocation: Invocation): Promise<void> {
  const config = invocation.config();
  if (config.sync.length === 0) throw new CommandError('sync has no entries: see docs/sync.md');
  invocation.warn(`using the data in ${locateMetadata(config)}`);
  const [driver, metadata] = [await openBlobStore(config.storage.blobs), await openMetadata(config)];
  const now = Date.now;
  const leases = createLeases({ metadata, now });
  const admission = openAdmission(config, metadata);
  const registry = createRegistry({ driver, metadata, now, leases, admission, ...readDeletion(config) });
  const { log } = createLog({ level: 'silent', format: 'json' });
  const sync = await openSync(config, { registry, metadata, leases, now, log });
  try {
    const chosen = chooseEntries(sync, config, invocation);
    if (invocation.options['status'] === true) await printStatus(sync, chosen, invocation);
    else await runEntries(sync, chosen, invocation);
  } finally {
    await sync.close();
    await registry.uploads.close();
    await metadata.close();
    await driver.close();
  }
}

function chooseEntries({ entries }: Sync, config: Config, { operands: [name] }: Invocation): readonly RunnableEntry[] {
  if (name === undefined) return entries;
  const found = entries.filter(({ entry }) => entry.name === name);
  if (found.length === 0)
    throw new UsageError(`sync has no entry ${name}: it has ${config.sync.map((one) => one.name).join(', ')}`);
  return found;
}

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

async function printStatus({ overview }: Sync, chosen: readonly RunnableEntry[], invocation: Invocation): Promise<void> {
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

const maxWarnings = 100;

async function runEntries(sync: Sync, chosen: readonly RunnableEntry[], invocation: Invocation): Promise<void> {
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

const progressMilliseconds = 200;

/** Shows what was copied so far, on a terminal only: how much there is to copy is not known before the end. */
function progressLine(name: string, invocation: Invocation) {
  const isShown = invocation.isTerminal && !asksForJson(invocation);
  let length = 0;
  let shownAt = 0;
  const write = (text: string) => {
    invocation.write(`\r${text.padEnd(length)}`);
    ({ length } = text);
  };
  return {
    show({ tags, copiedTags, copiedBytes }: SyncSummary): void {
      if (!isShown || performance.now() - shownAt < progressMilliseconds) return;
      shownAt = performance.now();
      write(`${name}: ${tags} tags, ${copiedTags} copied, ${inUnits(copiedBytes)}`);
    },
    clear(): void {
      if (length > 0) write('');
      if (length === 0 && isShown) invocation.write('\r');
    },
  };
}

const actionColumns = {
  ENTRY: 'entry',
  ACTION: 'action',
  REPOSITORY: 'repository',
  TAG: 'reference',
  DIGEST: 'digest',
  REASON: 'reason',
} as const;

function printResults(
  invocation: Invocation,
  results: readonly RunResult[],
  actions: readonly (SyncAction & { readonly entry: string })[],
): void {
  if (invocation.options['dryRun'] === true) {
    const records = actions.map((action) => ({ ...action, digest: action.digest ?? null }));
    printRecords(invocation, actionColumns, records);
    if (!asksForJson(invocation)) invocation.warn('nothing was changed');
    return;
  }
  const lines = results.map(({ name, summary }) => {
    const { tags, copiedTags, deletedTags, keptTags, copiedBytes } = summary;
    const deleted = deletedTags > 0 ? `, ${deletedTags} deleted` : '';
    const kept = keptTags > 0 ? `, ${keptTags} differ and stay` : '';
    return `${name}: ${tags} tags, ${copiedTags} copied (${inUnits(copiedBytes)})${deleted}${kept}`;
  });
  printValue(
    invocation,
    lines.join('\n'),
    results.map(({ name, error = null, summary }) => ({ name, error, ...summary })),
  );
}
