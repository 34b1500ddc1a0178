import type { Decision } from '../../src/maintenance/retention/decide.ts';
import { type RuleErrors, type WrittenAlternative, readRule, readSelectors } from '../../src/maintenance/retention/read-rules.ts';
import type { RepositoryState, TagState } from '../../src/maintenance/retention/repository-state.ts';
import type { RetentionRules } from '../../src/maintenance/retention/rules.ts';
import type { RepositoryName } from '../../src/oci/reference.ts';
import { digestOf } from './images.ts';

export const day = 86_400_000;

/** Noon of a day in the middle of 2026. */
export const noon = Date.parse('2026-07-15T12:00:00Z');

const nothing: WrittenAlternative = {
  newest: undefined,
  daily: undefined,
  weekly: undefined,
  monthly: undefined,
  yearly: undefined,
  by: undefined,
  per: undefined,
  pushedWithin: undefined,
  createdWithin: undefined,
  pulledWithin: undefined,
};

export interface TestRule {
  readonly name?: string;
  readonly match?: readonly string[];
  readonly keep: readonly Partial<WrittenAlternative>[];
  readonly maxPerRun?: number;
  readonly mayEmpty?: boolean;
}

/** Makes rules as the configuration does. Durations are days here. Throws where they have errors. */
export function rulesOf(
  rules: readonly TestRule[],
  { protect = [], immutable = [], timeZone = 'UTC' }: { protect?: string[]; immutable?: string[]; timeZone?: string } = {},
): RetentionRules {
  const context: RuleErrors = { errors: [], where: () => '' };
  const seconds = (days: number | undefined) => (days === undefined ? undefined : days * 86_400);
  const made = {
    timeZone,
    protect: readSelectors(protect, ['protect'], context),
    immutable: readSelectors(immutable, ['immutable'], context),
    rules: rules.map(({ name, match = ['**:*'], keep, maxPerRun, mayEmpty = false }, index) =>
      readRule(
        {
          name: name ?? `rule ${index}`,
          match,
          keep: keep.map((alternative) => ({
            ...nothing,
            ...alternative,
            pushedWithin: seconds(alternative.pushedWithin),
            createdWithin: seconds(alternative.createdWithin),
            pulledWithin: seconds(alternative.pulledWithin),
          })),
          maxPerRun,
          mayEmpty,
        },
        ['rules', index],
        context,
      ),
    ),
  };
  if (context.errors.length > 0) throw new Error(context.errors.join('\n'));
  return made;
}

/** A tag of an image of its own, pushed `age` days before noon, unless `fields` say otherwise. */
export function tagOf(tag: string, age: number, fields: Partial<TagState> = {}): TagState {
  return {
    tag,
    digest: digestOf(tag),
    pushedAt: noon - age * day,
    createdAt: undefined,
    pulledAt: undefined,
    hold: undefined,
    ...fields,
  };
}

export function stateOf(tags: readonly TagState[], fields: Partial<RepositoryState> = {}): RepositoryState {
  return { name: 'app' as RepositoryName, tags, untagged: [], pullsRecordedSince: 0, ...fields };
}

/** Names of the tags that expire, in the order of the state. */
export function expiring(decisions: readonly Decision[]): readonly string[] {
  return decisions.filter(({ expires }) => expires).map(({ tag, digest }) => tag ?? digest);
}
