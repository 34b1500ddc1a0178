import type { Space } from '../../../maintenance/collect/estimate.ts';
import { type CollectionStatus, maxCounted } from '../../../maintenance/collect/overview.ts';
import { time } from '../../program/output.ts';
import { inUnits } from '../../program/progress.ts';
import { type Estimate, dayMilliseconds } from './reclaimable.ts';

/** Returns the lines of `berth gc status`: a heading and a text each. */
export function describe(status: CollectionStatus, estimate: Estimate | undefined): readonly (readonly string[])[] {
  const { due, overdue, failed, purgedAt, purgedBlobs, purgedBytes, auditedAt, trashEntries } = status;
  const times = (milliseconds: number | null) => time(milliseconds) ?? 'never';
  const rows: [string, string][] = [
    ['state', describeState(status)],
    ['reviews', `${upTo(due)} due, ${upTo(overdue)} of them for more than ten minutes`],
    ['trash', `${upTo(trashEntries)} entries${estimate ? `; to empty it frees ${describeSpace(estimate.trash)}` : ''}`],
  ];
  if (estimate) {
    rows.push(['waiting', `${estimate.waiting.count} blobs that no manifest needs, ${describeSpace(estimate.waiting)}`]);
    rows.push(['untagged', describeUntagged(status, estimate)]);
  }
  rows.push(['last purge', `${times(purgedAt)}; so far ${purgedBlobs} blobs, ${inUnits(purgedBytes)}`]);
  rows.push(['last audit', times(auditedAt)]);
  if (status.keepsVersions === true)
    rows.push(['bucket', 'it keeps, or has kept, old versions: deletions free nothing until its own rules delete these']);
  if (status.keepsVersions === null) rows.push(['bucket', 'it does not say whether it keeps old versions']);
  for (const { digest, repository, failures, lastError } of failed) {
    const where = repository === null ? digest : `${repository}@${digest}`;
    rows.push([failures >= 10 ? 'set aside' : 'failing', `${where}: ${failures} failures, ${lastError ?? 'no reason'}`]);
  }
  return rows;
}

function describeState({ pausedAt, blockedBy }: CollectionStatus): string {
  if (blockedBy !== null) return `blocked until the end of the ${blockedBy}`;
  return pausedAt === null ? 'running' : `paused since ${time(pausedAt) ?? ''}: berth gc resume`;
}

function describeUntagged({ untaggedMs }: CollectionStatus, { untagged, untaggedMs: estimatedMs }: Estimate): string {
  const days = `${Math.round(estimatedMs / dayMilliseconds)}d`;
  const found = `${untagged.count} manifests, ${describeSpace(untagged)}`;
  if (untaggedMs !== null && untaggedMs === estimatedMs) return `garbageCollection.untagged: ${days} deletes next: ${found}`;
  return `garbageCollection.untagged: ${days} in the configuration would delete: ${found}`;
}

const describeSpace = ({ bytes }: Space) => (bytes === 0 ? 'no space' : `at least ${inUnits(bytes)}`);

export const upTo = (count: number) => (count >= maxCounted ? `${maxCounted} or more` : String(count));
