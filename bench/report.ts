import type { Scale } from './workload.ts';
import type { Footprint } from './workloads.ts';

/** Seconds per unit. */
export interface Run {
  readonly cpu: number;
  readonly wall: number;
}

export interface Result {
  readonly name: string;
  readonly unit: string;
  readonly ours: readonly Run[];
  readonly theirs: readonly Run[];
}

/** Returns a Markdown table with the medians, their ratio and the spread of the runs. */
export function table([ours = '', theirs = '']: readonly string[], results: readonly Result[]): string {
  const head = ['workload', `CPU: ${ours}`, theirs, 'ratio', 'spread', `wall: ${ours}`, theirs, 'ratio', 'spread'];
  const rows = results.map((result) => [
    `${result.name} (per ${result.unit})`,
    ...cells(result.ours, result.theirs, 'cpu'),
    ...cells(result.ours, result.theirs, 'wall'),
  ]);
  return markdown([head, ...rows]);
}

/** Returns a sentence with the sizes of the workloads. */
export function describeScale(scale: Scale): string {
  return [
    `Large blobs have ${mebibytes(scale.largeBlobBytes)}, pushed ones ${mebibytes(scale.pushedBlobBytes)}; `,
    `a pushed image has ${scale.pushedLayers} layers; listings have ${scale.tags} tags and ${scale.repositories} repositories; `,
    `a run has ${scale.requests} small requests.`,
  ].join('');
}

function cells(ours: readonly Run[], theirs: readonly Run[], what: keyof Run): string[] {
  const [mine, other] = [ours.map((run) => run[what]), theirs.map((run) => run[what])];
  return [
    seconds(median(mine)),
    seconds(median(other)),
    (median(mine) / median(other)).toFixed(2),
    `±${spread(mine)} / ±${spread(other)}`,
  ];
}

export function footprintTable(names: readonly string[], [ours, theirs]: readonly [Footprint, Footprint]): string {
  const row = (name: string, show: (one: Footprint) => string) => [name, show(ours), show(theirs)];
  const perClient = ({ pullingBytes, idleBytes }: Footprint) => `${((pullingBytes - idleBytes) / 200 / 1024).toFixed(0)} KiB`;
  return markdown([
    ['footprint', ...names],
    row('start-up to first answer', ({ startSeconds }) => seconds(startSeconds)),
    row('resident memory, idle', ({ idleBytes }) => mebibytes(idleBytes)),
    row('resident memory, 200 slow pulls', ({ pullingBytes }) => mebibytes(pullingBytes)),
    row('above idle, per pull', perClient),
  ]);
}

export function markdown([head = [], ...rows]: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

/** Returns half of the range between the smallest and the largest value, relative to the median. */
function spread(values: readonly number[]): string {
  const middle = median(values);
  return middle === 0 ? '0 %' : `${(((Math.max(...values) - Math.min(...values)) / 2 / middle) * 100).toFixed(0)} %`;
}

function seconds(value: number): string {
  if (value >= 1) return `${value.toFixed(2)} s`;
  return value >= 0.001 ? `${(value * 1000).toFixed(2)} ms` : `${(value * 1e6).toFixed(0)} µs`;
}

function mebibytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(0)} MiB`;
}
