import type { SyncSummary } from '../../../maintenance/sync/progress.ts';
import type { Invocation } from '../../program/command.ts';
import { asksForJson } from '../../program/output.ts';
import { inUnits } from '../../program/progress.ts';

const progressMilliseconds = 200;

/** Shows what was copied so far, on a terminal only: how much there is to copy is not known before the end. */
export function progressLine(name: string, invocation: Invocation) {
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
