import type { Digest } from '../../oci/digest.ts';
import type { RepositoryName } from '../../oci/reference.ts';
import { selectTag, selectUntagged } from '../../oci/patterns/selector.ts';
import { isSubjectTag } from '../../oci/subject-tags.ts';
import { type Candidate, type Moment, describeCondition, endOf, meeting, toCandidate } from './conditions.ts';
import type { RepositoryState, TagState, UntaggedState } from './repository-state.ts';
import type { Condition, RetentionRules, Rule } from './rules.ts';

/** The decision about a tag or about a manifest without a tag, with its reason. */
export interface Decision {
  readonly repository: RepositoryName;
  /** Undefined for a manifest without a tag. */
  readonly tag: string | undefined;
  readonly digest: Digest;
  /** Milliseconds since 1970. */
  readonly pushedAt: number;
  readonly expires: boolean;
  /** Name of the rule that decided; undefined if none did. */
  readonly rule: string | undefined;
  readonly reason: string;
  /**
   * Earliest time when a kept item may expire without another change, milliseconds since 1970, as far as this item alone decides;
   * undefined: not known from this item.
   */
  readonly changesAt: number | undefined;
}

/**
 * Decides about every tag of a repository and every manifest without a tag, parent or subject. Pure: the same rules, state and
 * time give the same decisions. One more alternative in `keep` never expires more tags, though perhaps another one.
 */
export function decide(rules: RetentionRules, state: RepositoryState, now: number): readonly Decision[] {
  const moment = { now, timeZone: rules.timeZone };
  const judged = [...state.tags, ...state.untagged].map((item) => judge(rules, state, item, now));
  const verdicts = new Map<Judged, Verdict>();
  for (const [rule, members] of Map.groupBy(judged, ({ rule }) => rule)) {
    const candidates = members.map(({ candidate }) => candidate);
    const verdictOf = rule && createVerdicts(rule, candidates, moment);
    for (const member of members) verdicts.set(member, verdictOf ? verdictOf(member.candidate) : keep(member.reason));
  }
  spareLastTag(judged, verdicts);
  return judged.map((member) => toDecision(state.name, member, verdicts.get(member) ?? keep(member.reason)));
}

/** A tag or manifest, with the rule that decides about it. */
interface Judged {
  readonly candidate: Candidate;
  readonly rule: Rule | undefined;
  /** Reason to keep it without a rule; not used if `rule` is defined. */
  readonly reason: string;
  /** End of the hold that keeps it, milliseconds since 1970. */
  readonly heldUntil: number | undefined;
  /** `createdAt` if it is in the future, milliseconds since 1970; until then the push time is used. */
  readonly createdLater: number | undefined;
}

interface Verdict {
  readonly expires: boolean;
  readonly reason: string;
  readonly changesAt: number | undefined;
}

function keep(reason: string): Verdict {
  return { expires: false, reason, changesAt: undefined };
}

function judge(rules: RetentionRules, state: RepositoryState, item: TagState | UntaggedState, now: number): Judged {
  const candidate = toCandidate(item, state.pullsRecordedSince, now);
  const base = { candidate, heldUntil: undefined, createdLater: later(item.createdAt, now) };
  const { hold } = item;
  if (hold && (hold.until === undefined || hold.until > now))
    return { ...base, rule: undefined, reason: `held: ${hold.reason}`, heldUntil: hold.until };
  const reason = candidate.tag === undefined ? undefined : protectionOf(rules, state.name, candidate.tag);
  if (reason !== undefined) return { ...base, rule: undefined, reason };
  const rule = rules.rules.find(({ match }) => isMatched(match, state.name, candidate.tag));
  return { ...base, rule, reason: 'no rule matches' };
}

function later(time: number | undefined, now: number): number | undefined {
  return time !== undefined && time > now ? time : undefined;
}

/** Returns why no rule may expire the tag; undefined if one may. */
function protectionOf({ protect, immutable }: RetentionRules, repository: string, tag: string): string | undefined {
  const fixed = selectTag(immutable, repository, tag);
  if (fixed) return `immutable: ${fixed.text}`;
  const protection = selectTag(protect, repository, tag);
  if (protection) return `protected: ${protection.text}`;
  return isSubjectTag(tag) ? 'follows the manifest that it is named after' : undefined;
}

function isMatched(match: Rule['match'], repository: string, tag: string | undefined): boolean {
  const selected = tag === undefined ? selectUntagged(match, repository) : selectTag(match, repository, tag);
  return selected !== undefined;
}

/** Returns the verdicts of a rule about the candidates that it matched. */
function createVerdicts(rule: Rule, candidates: readonly Candidate[], moment: Moment): (candidate: Candidate) => Verdict {
  const alternatives = rule.keep.map((conditions) => ({
    conditions,
    met: conditions.map((condition) => meeting(condition, candidates, moment)),
  }));
  return (candidate) => {
    const kept = alternatives.find(({ met }) => met.every((meets) => meets.has(candidate)));
    if (!kept) return { expires: true, reason: `not ${rule.keep.map(describe).join(', not ')}`, changesAt: undefined };
    const ends = rule.keep.flat().map((condition) => endOf(condition, candidate, moment.now));
    return { expires: false, reason: describe(kept.conditions), changesAt: earliest(ends) };
  };
}

function describe(conditions: readonly Condition[]): string {
  return conditions.map(describeCondition).join(' and ');
}

/** Keeps the newest of the tags that would be expired, if no tag would be left and a rule does not allow that. */
function spareLastTag(judged: readonly Judged[], verdicts: Map<Judged, Verdict>): void {
  const tags = judged.filter(({ candidate: { tag } }) => tag !== undefined && !isSubjectTag(tag));
  if (tags.some((member) => verdicts.get(member)?.expires !== true)) return;
  const newestFirst = tags
    .filter(({ rule }) => rule?.mayEmpty === false)
    .sort((one, other) => other.candidate.times.pushed - one.candidate.times.pushed);
  const [last] = newestFirst;
  if (last) verdicts.set(last, keep('the last tag of the repository stays: the rule does not set mayEmpty'));
}

function toDecision(
  repository: RepositoryName,
  { candidate, rule, heldUntil, createdLater }: Judged,
  verdict: Verdict,
): Decision {
  const { tag, digest, times } = candidate;
  const changesAt = verdict.expires ? undefined : earliest([verdict.changesAt, heldUntil, createdLater]);
  return { repository, tag, digest, pushedAt: times.pushed, rule: rule?.name, ...verdict, changesAt };
}

function earliest(times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : known.reduce((one, other) => Math.min(one, other));
}
