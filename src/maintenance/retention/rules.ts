import type { Selector } from '../../oci/patterns/selector.ts';
import type { CalendarUnit } from './calendar.ts';

/** Rules of retention, checked. Durations are milliseconds. */
export interface RetentionRules {
  /** IANA name of the time zone of calendar buckets. */
  readonly timeZone: string;
  /** Tags that no rule expires. */
  readonly protect: readonly Selector[];
  /** Tags that clients cannot move or delete; no rule expires them either. */
  readonly immutable: readonly Selector[];
  /** The first one that matches a tag decides. */
  readonly rules: readonly Rule[];
}

export interface Rule {
  /** Unique among the rules. */
  readonly name: string;
  readonly match: readonly Selector[];
  /** Alternatives, at least one. A tag that meets all conditions of one of them is kept. */
  readonly keep: readonly (readonly [Condition, ...Condition[]])[];
  /** Largest number of tags and untagged manifests that one run expires by this rule; undefined: no limit. */
  readonly maxPerRun: number | undefined;
  /** True if the rule may expire the last tag of a repository. */
  readonly mayEmpty: boolean;
}

export type Condition = NewestCondition | CalendarCondition | WithinCondition;

/** The time of an image that a condition uses. */
export type TimeOf = 'pushed' | 'created' | 'pulled';

/** Met by tags of the `count` newest images, in each group of `per`. A tag that is not a version meets a condition by version. */
export interface NewestCondition {
  readonly kind: 'newest';
  readonly count: number;
  readonly by: TimeOf | 'version';
  readonly per: 'major' | 'major.minor' | undefined;
}

/** Met by tags of the newest image of each of the last `count` days, weeks, months or years that have an image. */
export interface CalendarCondition {
  readonly kind: 'calendar';
  readonly unit: CalendarUnit;
  readonly count: number;
  readonly by: TimeOf;
}

/** Met for a time after the image was pushed, created or pulled. */
export interface WithinCondition {
  readonly kind: 'within';
  readonly of: TimeOf;
  readonly milliseconds: number;
}
