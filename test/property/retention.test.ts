import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decide } from '../../src/maintenance/retention/decide.ts';
import { digestOf } from '../support/images.ts';
import { type TestRule, day, expiring, noon, rulesOf, stateOf, tagOf } from '../support/retention.ts';

const alternative: fc.Arbitrary<TestRule['keep'][number]> = fc.oneof(
  fc.record({ newest: fc.integer({ min: 1, max: 4 }), by: fc.constantFrom('pushed', 'created', 'pulled', 'version') }),
  fc.record({ newest: fc.integer({ min: 1, max: 2 }), by: fc.constant('version'), per: fc.constantFrom('major', 'major.minor') }),
  fc.record({ daily: fc.integer({ min: 1, max: 3 }), by: fc.constantFrom('pushed', 'created', 'pulled') }),
  fc.record({ monthly: fc.integer({ min: 1, max: 3 }), newest: fc.integer({ min: 1, max: 5 }) }),
  fc.record({ pushedWithin: fc.integer({ min: 1, max: 60 }), pulledWithin: fc.integer({ min: 1, max: 60 }) }),
  fc.record({ createdWithin: fc.integer({ min: 1, max: 60 }) }),
);

const match = fc
  .subarray(['**:*', '**:semver(*)', 'app:b-*', '!app:1.*', '**:@untagged'], { minLength: 1 })
  .filter((texts) => !texts.every((text) => text.startsWith('!')));

const rule: fc.Arbitrary<TestRule> = fc.record({
  match,
  keep: fc.array(alternative, { minLength: 1, maxLength: 3 }),
  mayEmpty: fc.boolean(),
});

const age = fc.integer({ min: 0, max: 60 });
const image = fc.record({
  digest: fc.constantFrom('one', 'two', 'three', 'four', 'five').map((text) => digestOf(text)),
  createdAt: fc.option(
    age.map((days) => noon - days * day),
    { nil: undefined },
  ),
  pulledAt: fc.option(
    age.map((days) => noon - days * day),
    { nil: undefined },
  ),
});
const tagName = fc.constantFrom('1.0.0', '1.0.1', '1.1.0', '2.0.0', '2.0.0-rc.1', 'b-1', 'b-2', 'b-3', 'latest', 'x');
const state = fc
  .tuple(
    fc.uniqueArray(fc.tuple(tagName, age, image), { selector: ([name]) => name, maxLength: 10 }),
    fc.array(fc.tuple(age, image), { maxLength: 3 }),
    age,
  )
  .map(([tags, untagged, since]) =>
    stateOf(
      tags.map(([name, days, fields]) => tagOf(name, days, fields)),
      {
        untagged: untagged.map(([days, fields], index) => ({
          ...tagOf('', days, fields),
          tag: undefined,
          digest: digestOf(`u${index}`),
        })),
        pullsRecordedSince: noon - since * day,
      },
    ),
  );

describe('decisions of retention', () => {
  test('another alternative never deletes more', () => {
    fc.assert(
      fc.property(
        fc.array(rule, { minLength: 1, maxLength: 3 }),
        fc.nat(2),
        alternative,
        state,
        (rules, at, added, repository) => {
          const more = rules.map((one, index) => (index === at % rules.length ? { ...one, keep: [...one.keep, added] } : one));
          const [before, after] = [rules, more].map((one) => expiring(decide(rulesOf(one), repository, noon)));
          expect(after?.length).toBeLessThanOrEqual(before?.length ?? 0);
          // The tag that stays because it is the last one may be another one then; all others stay as before.
          const spared = decide(rulesOf(rules), repository, noon).find(({ reason }) => reason.startsWith('the last tag'))?.tag;
          expect(after?.filter((tag) => tag !== spared && !before?.includes(tag))).toEqual([]);
        },
      ),
      { numRuns: 500 },
    );
  });

  test('a rule expires only what it matches, and a repository without mayEmpty keeps a tag', () => {
    fc.assert(
      fc.property(fc.array(rule, { maxLength: 3 }), state, (rules, repository) => {
        const decisions = decide(rulesOf(rules), repository, noon);
        expect(decisions.filter(({ expires, rule: name }) => expires && name === undefined)).toEqual([]);
        const tags = decisions.filter(({ tag }) => tag !== undefined);
        const isEmpty = tags.length > 0 && tags.every(({ expires }) => expires);
        expect(isEmpty && rules.every(({ mayEmpty }) => mayEmpty === false)).toBe(false);
      }),
      { numRuns: 500 },
    );
  });

  test('nothing changes before the earliest time that a decision names', () => {
    fc.assert(
      fc.property(
        fc.array(rule, { minLength: 1, maxLength: 2 }),
        state,
        fc.double({ min: 0, max: 1, noNaN: true }),
        (rules, repository, part) => {
          const parsed = rulesOf(rules);
          const decisions = decide(parsed, repository, noon);
          const changes = decisions.map(({ changesAt }) => changesAt).filter((time) => time !== undefined);
          const earliest = Math.min(...changes, noon + 100 * day);
          expect(earliest).toBeGreaterThan(noon);
          const later = Math.floor(noon + (earliest - noon - 1) * part);
          expect(expiring(decide(parsed, repository, later))).toEqual(expiring(decisions));
        },
      ),
      { numRuns: 500 },
    );
  });
});
