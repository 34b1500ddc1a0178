import { type Selector, parseSelector, selectorForm } from '../../oci/patterns/selector.ts';
import { isTimeZone } from './time-zone.ts';
import type { Condition, Rule, TimeOf } from './rules.ts';

/** One alternative of `keep`, as the configuration has it. Durations are seconds. */
export interface WrittenAlternative {
  readonly newest: number | undefined;
  readonly daily: number | undefined;
  readonly weekly: number | undefined;
  readonly monthly: number | undefined;
  readonly yearly: number | undefined;
  readonly by: TimeOf | 'version' | undefined;
  readonly per: 'major' | 'major.minor' | undefined;
  readonly pushedWithin: number | undefined;
  readonly createdWithin: number | undefined;
  readonly pulledWithin: number | undefined;
}

export interface WrittenRule {
  readonly name: string;
  readonly match: readonly string[];
  readonly keep: readonly WrittenAlternative[];
  readonly maxPerRun: number | undefined;
  readonly mayEmpty: boolean;
}

type Path = readonly (string | number)[];

/** Collects errors; `where` returns where a key was set, as the end of a message. */
export interface RuleErrors {
  readonly errors: string[];
  where(path: Path): string;
}

function report({ errors, where }: RuleErrors, path: Path, message: string): void {
  errors.push(`${path.join('.')} ${message}${where(path)}`);
}

export function readTimeZone(timeZone: string, path: Path, errors: RuleErrors): string {
  if (!isTimeZone(timeZone)) report(errors, path, `must be a time zone such as UTC or Europe/Berlin, not ${timeZone}`);
  return timeZone;
}

/** Parses selectors. At least one must select something: with exclusions alone the list would match nothing. */
export function readSelectors(texts: readonly string[], path: Path, errors: RuleErrors): readonly Selector[] {
  const selectors = texts.map((text, index) => {
    const selector = parseSelector(text);
    if (!selector) report(errors, [...path, index], `must be ${selectorForm}, not ${JSON.stringify(text)}`);
    return selector;
  });
  if (texts.length > 0 && selectors.every((selector) => selector?.isExclusion === true))
    report(errors, path, 'has only exclusions (!), which select nothing: add a pattern of what to select');
  return selectors.filter((selector) => selector !== undefined);
}

/** Checks a rule and returns it. It is usable only if no error was added. */
export function readRule({ name, match, keep, maxPerRun, mayEmpty }: WrittenRule, path: Path, errors: RuleErrors): Rule {
  if (name === '') report(errors, path, 'has no name');
  if (match.length === 0) report(errors, path, `has no match: name the tags that the rule is for, with ${selectorForm}`);
  if (keep.length === 0)
    report(
      errors,
      path,
      'has no keep: it would expire every tag that it matches. Name at least one alternative, such as newest: 10',
    );
  return {
    name,
    match: readSelectors(match, [...path, 'match'], errors),
    keep: keep.map((alternative, index) => readAlternative(alternative, [...path, 'keep', index], errors)),
    maxPerRun,
    mayEmpty,
  };
}

function readAlternative(written: WrittenAlternative, path: Path, errors: RuleErrors): Rule['keep'][number] {
  checkAlternative(written, path, errors);
  const [first, ...others] = [...countingConditions(written), ...withinConditions(written)];
  if (first) return [first, ...others];
  report(errors, path, 'has no condition: it would keep every tag. Write newest, daily, pulledWithin or another condition');
  return [{ kind: 'within', of: 'pushed', milliseconds: 0 }];
}

const calendarUnits = ['daily', 'weekly', 'monthly', 'yearly'] as const;

function checkAlternative(written: WrittenAlternative, path: Path, errors: RuleErrors): void {
  const { newest, by, per } = written;
  const [unit] = calendarUnits.filter((one) => written[one] !== undefined);
  if (by !== undefined && newest === undefined && unit === undefined)
    report(errors, [...path, 'by'], 'is set without newest, daily, weekly, monthly or yearly, which it would order');
  if (by === 'version' && unit !== undefined)
    report(errors, [...path, 'by'], `cannot be version for ${unit}: use pushed, created or pulled`);
  if (per !== undefined && (newest === undefined || by !== 'version'))
    report(errors, [...path, 'per'], 'is set without newest and by: version, which it would group');
}

function countingConditions(written: WrittenAlternative): readonly Condition[] {
  const { newest, by = 'pushed', per } = written;
  const time = by === 'version' ? 'pushed' : by;
  const calendar = calendarUnits.map((unit): Condition | undefined => {
    const count = written[unit];
    return count === undefined ? undefined : { kind: 'calendar', unit, count, by: time };
  });
  const counted: Condition | undefined = newest === undefined ? undefined : { kind: 'newest', count: newest, by, per };
  return [counted, ...calendar].filter((condition) => condition !== undefined);
}

function withinConditions({ pushedWithin, createdWithin, pulledWithin }: WrittenAlternative): readonly Condition[] {
  const written = [
    ['pushed', pushedWithin],
    ['created', createdWithin],
    ['pulled', pulledWithin],
  ] as const;
  return written.flatMap(([of, seconds]) => (seconds === undefined ? [] : { kind: 'within', of, milliseconds: seconds * 1000 }));
}

/** Reports an error for each name that an earlier rule has too. */
export function checkNames(names: readonly string[], path: Path, errors: RuleErrors): void {
  for (const [index, name] of names.entries())
    if (name !== '' && names.indexOf(name) < index) report(errors, [...path, index, 'name'], `is ${name}, as of another rule`);
}
