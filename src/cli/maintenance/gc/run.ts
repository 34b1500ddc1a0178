import type { Author } from '../../../registry/author.ts';
import { printValue } from '../../program/output.ts';
import { inUnits } from '../../program/progress.ts';
import { collectionCommand, progressOf } from './collection-command.ts';
import { upTo } from './describe-status.ts';

const author: Author = { actor: 'command line', address: '' };

const secondsAtOnce = 2;

/** `berth gc run` */
export const runCollection = collectionCommand(async (invocation, { overview }) => {
  const progress = progressOf('reviews', invocation);
  const total = { reviewed: 0, unlinked: 0, trashed: 0, purgedBlobs: 0, purgedBytes: 0, failures: 0 };
  let retries = invocation.options['retry'] === true;
  for (let due = 1; due > 0;) {
    const done = await overview.run({ retries, seconds: secondsAtOnce });
    retries = false;
    for (const name of Object.keys(total) as (keyof typeof total)[]) total[name] += done[name];
    due = done.reviewed === 0 ? 0 : done.due;
    progress.show(due === 0 ? 1 : total.reviewed / (total.reviewed + due), `${total.reviewed} decided, ${upTo(due)} due`);
  }
  progress.end();
  if (total.reviewed === 0) invocation.warn('nothing is due: unneeded content is deleted after twice garbageCollection.grace');
  const { purgedBlobs, purgedBytes, unlinked, trashed, failures } = total;
  const untagged = trashed > 0 ? `, ${trashed} untagged manifests deleted` : '';
  const text = `${unlinked} blobs left their repositories, ${purgedBlobs} deleted, ${inUnits(purgedBytes)}${untagged}`;
  printValue(invocation, failures > 0 ? `${text}; ${failures} could not be deleted, see berth gc status` : text, total);
});

/** `berth gc pause` */
export const pauseCollection = collectionCommand(async (invocation, { overview }) => {
  await overview.pause(author);
  printValue(invocation, 'garbage collection is paused: berth gc resume lets it go on', { paused: true });
});

/** `berth gc resume` */
export const resumeCollection = collectionCommand(async (invocation, { overview }) => {
  await overview.resume(author);
  const { blockedBy } = await overview.status();
  const text = blockedBy === null ? 'garbage collection goes on' : `it goes on at the end of the ${blockedBy}`;
  printValue(invocation, text, { paused: false, blockedBy });
});

/** `berth gc audit` */
export const auditCollection = collectionCommand(async (invocation, { auditor }) => {
  const progress = progressOf('records', invocation);
  const { rows, missed } = await auditor.run((part) => progress.show(part, ''));
  progress.end();
  const text = missed === 0 ? 'nothing was missed' : `${missed} had no review: they were written, see docs/garbage-collection.md`;
  printValue(invocation, `${rows} records looked at, ${text}`, { rows, missed });
});
