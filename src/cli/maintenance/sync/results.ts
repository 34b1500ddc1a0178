import type { RunResult } from '../../../maintenance/sync/runner.ts';
import type { SyncAction } from '../../../maintenance/sync/sync-repository.ts';
import type { Invocation } from '../../program/command.ts';
import { asksForJson, printRecords, printValue } from '../../program/output.ts';
import { inUnits } from '../../program/progress.ts';

const actionColumns = {
  ENTRY: 'entry',
  ACTION: 'action',
  REPOSITORY: 'repository',
  TAG: 'reference',
  DIGEST: 'digest',
  REASON: 'reason',
} as const;

/** Prints what each run has copied; for a dry run, what it would change. */
export function printResults(
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
