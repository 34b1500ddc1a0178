import type { Digest } from '../../oci/digest.ts';
import { type Version, compareVersions, parseVersion } from '../../oci/patterns/version.ts';
import { bucketOf } from './calendar.ts';
import type { ImageState } from './repository-state.ts';
import type { CalendarCondition, Condition, NewestCondition, TimeOf } from './rules.ts';

/** A tag, or a manifest without a tag, that a rule decides about. */
export interface Candidate {
  /** Undefined for a manifest without a tag. */
  readonly tag: string | undefined;
  readonly digest: Digest;
  /** Milliseconds since 1970. */
  readonly times: Readonly<Record<TimeOf, number>>;
  /** Undefined if the tag is not a version. */
  readonly version: Version | undefined;
}

export interface Moment {
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly timeZone: string;
}

/** Nobody built images before this time; reproducible builds write 1970 or 1980. */
const firstPlausible = Date.UTC(2000, 0, 1);

/** Makes a candidate. An implausible time of creation counts as the time of the push, and so does an unknown pull before it. */
export function toCandidate(
  image: ImageState & { readonly tag?: string; readonly pushedAt: number },
  pullsRecordedSince: number,
  now: number,
): Candidate {
  const { tag, digest, pushedAt, createdAt, pulledAt } = image;
  const isPlausible = createdAt !== undefined && createdAt >= firstPlausible && createdAt <= now;
  return {
    tag,
    digest,
    times: {
      pushed: pushedAt,
      created: isPlausible ? createdAt : pushedAt,
      pulled: Math.max(pulledAt ?? pullsRecordedSince, pushedAt),
    },
    version: tag === undefined ? undefined : parseVersion(tag),
  };
}

/** Returns the candidates of one rule that meet the condition. */
export function meeting(condition: Condition, candidates: readonly Candidate[], moment: Moment): ReadonlySet<Candidate> {
  switch (condition.kind) {
    case 'newest':
      return newest(condition, candidates);
    case 'calendar':
      return newestOfBuckets(condition, candidates, moment.timeZone);
    case 'within':
      return new Set(candidates.filter(({ times }) => moment.now - times[condition.of] < condition.milliseconds));
  }
}

/** Compares candidates: negative if `one` is newer. Equally new ones are in the order of their pushes, the newer first. */
type Newness = (one: Candidate, other: Candidate) => number;

function newnessBy(by: TimeOf): Newness {
  return (one, other) => other.times[by] - one.times[by] || other.times.pushed - one.times.pushed;
}

function newerVersion(one: Candidate, other: Candidate): number {
  const order = one.version && other.version ? compareVersions(other.version, one.version) : 0;
  return order || other.times.pushed - one.times.pushed;
}

function newest({ count, by, per }: NewestCondition, candidates: readonly Candidate[]): ReadonlySet<Candidate> {
  if (by !== 'version') return newestImages(candidates, count, newnessBy(by));
  const groups = Map.groupBy(candidates, ({ version }) => (version ? groupOf(version, per) : undefined));
  const kept = [...groups].flatMap(([group, members]) =>
    // Without a version there is no order: nothing says that the tag is old.
    group === undefined ? members : [...newestImages(members, count, newerVersion)],
  );
  return new Set(kept);
}

function groupOf({ numbers }: Version, per: NewestCondition['per']): string {
  return numbers.slice(0, per === undefined ? 0 : per === 'major' ? 1 : 2).join('.');
}

/** Returns every candidate of the `count` newest images. Images that are exactly as new as the last of them stay too. */
function newestImages(candidates: readonly Candidate[], count: number, newness: Newness): ReadonlySet<Candidate> {
  const images = [...Map.groupBy([...candidates].sort(newness), ({ digest }) => digest).values()];
  const last = images[count - 1]?.[0];
  const kept = images.filter(([first]) => last === undefined || (first !== undefined && newness(first, last) <= 0));
  return new Set(kept.flat());
}

function newestOfBuckets(
  { unit, count, by }: CalendarCondition,
  candidates: readonly Candidate[],
  timeZone: string,
): ReadonlySet<Candidate> {
  const sorted = [...candidates].sort(newnessBy(by));
  const buckets = [...Map.groupBy(sorted, ({ times }) => bucketOf(times[by], unit, timeZone)).values()];
  return new Set(buckets.slice(0, count).flatMap((members) => [...newestImages(members, 1, newnessBy(by))]));
}

/** Returns when time alone may end that the candidate meets the condition; undefined: never, or it does not meet it. */
export function endOf(condition: Condition, { times }: Candidate, now: number): number | undefined {
  if (condition.kind !== 'within') return undefined;
  const end = times[condition.of] + condition.milliseconds;
  return end > now ? end : undefined;
}

/** Describes the condition for reasons: `newest 10 by version per major.minor`, `pulled within 90d`. */
export function describeCondition(condition: Condition): string {
  if (condition.kind === 'within') return `${condition.of} within ${describeDuration(condition.milliseconds)}`;
  if (condition.kind === 'calendar') return `${condition.unit} ${condition.count} by ${condition.by}`;
  const { count, by, per } = condition;
  return `newest ${count} by ${by}${per === undefined ? '' : ` per ${per}`}`;
}

const units = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
] as const;

function describeDuration(milliseconds: number): string {
  const [unit, length] = units.find(([, one]) => milliseconds % one === 0) ?? (['ms', 1] as const);
  return `${milliseconds / length}${unit}`;
}
