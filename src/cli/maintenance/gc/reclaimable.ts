import type { Reclaimable, Space } from '../../../maintenance/collect/estimate.ts';
import type { CollectionOverview } from '../../../maintenance/collect/overview.ts';
import type { Invocation } from '../../program/command.ts';
import { progressOf } from './collection-command.ts';

const repositoriesAtOnce = 20;

type Sums = Record<'waiting' | 'trash' | 'untagged', Space>;

/** What can be freed, and the age of untagged manifests that it was computed for. */
export interface Estimate extends Sums {
  readonly untaggedMs: number;
}

/** Adds up what garbage collection can free in all repositories. */
export async function computeReclaimable(
  invocation: Invocation,
  overview: CollectionOverview,
  untaggedMs: number | undefined,
): Promise<Estimate> {
  const progress = progressOf('repositories', invocation);
  const none: Space = { count: 0, bytes: 0 };
  let estimate: Estimate = { untaggedMs: 0, waiting: none, trash: none, untagged: none };
  for (let after: string | undefined = ''; after !== undefined;) {
    const page = await overview.listReclaimable(after, repositoriesAtOnce, untaggedMs);
    estimate = { ...page.repositories.reduce(addTo, estimate), untaggedMs: page.untaggedMs };
    after = page.next;
    if (after !== undefined) progress.show(partOf(after), after);
  }
  progress.end();
  return estimate;
}

/** Returns about what part of all names comes before the name, by its first two characters: names are not counted. */
function partOf(name: string): number {
  const place = (at: number) => Math.max(0, (name.charCodeAt(at) || 48) - 48) / 75;
  return Math.min(0.99, place(0) + place(1) / 75);
}

function addTo(sums: Estimate, { waiting, trash, untagged }: Reclaimable): Estimate {
  const add = (one: Space, other: Space) => ({ count: one.count + other.count, bytes: one.bytes + other.bytes });
  return {
    ...sums,
    waiting: add(sums.waiting, waiting),
    trash: add(sums.trash, trash),
    untagged: add(sums.untagged, untagged),
  };
}

export const dayMilliseconds = 24 * 3_600_000;
