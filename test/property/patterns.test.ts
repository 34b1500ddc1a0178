import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseGlob } from '../../src/oci/patterns/glob.ts';
import { parseSelector, selectTag, selectUntagged } from '../../src/oci/patterns/selector.ts';
import { parseTagPattern } from '../../src/oci/patterns/tag-pattern.ts';
import { compareVersions, parseVersion } from '../../src/oci/patterns/version.ts';
import { parseVersionRange } from '../../src/oci/patterns/version-range.ts';
import { isSubjectTag, subjectTags } from '../../src/oci/subject-tags.ts';
import { parseDigest } from '../../src/oci/digest.ts';

const required = <Value>(value: Value | undefined): Value => {
  if (value === undefined) throw new Error('not parsed');
  return value;
};

const digits = fc.oneof(fc.nat(12).map(String), fc.stringMatching(/^[1-9][0-9]{0,30}$/));
const identifier = fc.oneof(digits, fc.constantFrom('rc', 'alpha', 'beta', 'x-y', '1a'));
const version = fc
  .tuple(fc.constantFrom('', 'v'), digits, digits, digits, fc.array(identifier, { maxLength: 3 }))
  .map(([v, major, minor, patch, rest]) => `${v}${major}.${minor}.${patch}${rest.length > 0 ? `-${rest.join('.')}` : ''}`);
const order = (one: string, other: string) =>
  Math.sign(compareVersions(required(parseVersion(one)), required(parseVersion(other))));

describe('versions', () => {
  test('the order is that of Semantic Versioning', () => {
    const ascending = ['1.0.0-alpha', '1.0.0-alpha.1', '1.0.0-alpha.beta', '1.0.0-beta', '1.0.0-beta.2', '1.0.0-beta.11'];
    const sorted = [...ascending, '1.0.0-rc.1', '1.0.0', 'v1.9.0-rc.1', 'v1.9.0', 'v1.10.0', '2.0.0', '12345678901234567890.0.0'];
    for (const [index, one] of sorted.entries())
      for (const [place, other] of sorted.entries()) expect(order(one, other)).toBe(Math.sign(index - place));
  });

  test('the order is total: it is antisymmetric and transitive', () => {
    fc.assert(
      fc.property(version, version, version, (one, two, three) => {
        expect(order(one, two) + order(two, one)).toBe(0);
        if (order(one, two) <= 0 && order(two, three) <= 0) expect(order(one, three)).toBeLessThanOrEqual(0);
      }),
    );
  });

  test('numbers are compared exactly at any length', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n }), fc.bigInt({ min: 0n }), (one, other) => {
        expect(order(`${one}.0.0`, `${other}.0.0`)).toBe(one < other ? -1 : one > other ? 1 : 0);
      }),
    );
  });

  test.each(['1', '1.2', '1.2.3.4', '01.2.3', '1.2.3-', '1.2.3-01', 'latest', 'version1.2.3', '2024.01.05'])(
    '%s is not a version',
    (tag) => expect(parseVersion(tag)).toBeUndefined(),
  );

  test('build metadata after an underscore does not count', () => {
    expect(order('1.2.3_build.1', '1.2.3')).toBe(0);
  });
});

describe('ranges of versions', () => {
  test.each([
    ['*', ['0.0.1', 'v9.9.9', '1.0.0-rc.1'], []],
    ['>=1.2.0 <2', ['1.2.0', '1.99.0'], ['1.1.9', '2.0.0', '2.0.0-rc.1']],
    ['>1.2.3', ['1.2.4', '2.0.0'], ['1.2.3', '1.2.3-rc.1']],
    ['<=1.2.3', ['1.2.3', '1.2.3-rc.1', '0.1.0'], ['1.2.4']],
    ['1.4', ['1.4.0', '1.4.99'], ['1.3.9', '1.5.0', '1.5.0-rc.1']],
    ['1.4.2', ['1.4.2', 'v1.4.2'], ['1.4.3', '1.4.2-rc.1']],
    ['^1.2', ['1.2.0', '1.99.0'], ['1.1.0', '2.0.0', '2.0.0-rc.1']],
    ['^0.2.3', ['0.2.3', '0.2.9'], ['0.3.0', '0.2.2']],
    ['^0.0.3', ['0.0.3'], ['0.0.4']],
    ['^0', ['0.0.0', '0.99.0'], ['1.0.0']],
    ['~1.2.3', ['1.2.3', '1.2.99'], ['1.3.0', '1.2.2']],
    ['~1', ['1.0.0', '1.9.9'], ['2.0.0']],
  ])('%s', (range, inside, outside) => {
    const isIn = required(parseVersionRange(range));
    const found = [...inside, ...outside].filter((text) => isIn(required(parseVersion(text))));
    expect(found).toEqual(inside);
  });

  test.each(['', ' ', 'x', '>1.2', '<=2', '1.2.3 ||2', '>=', '=>1.2.3', '1.x'])('%j is not a range', (text) => {
    expect(parseVersionRange(text)).toBeUndefined();
  });
});

const globText = fc
  .array(fc.constantFrom('a', 'b', '-', '.', '*', '?', '{a,b}', '{a,-*}', '{a{b,.},}'), { minLength: 1, maxLength: 6 })
  .map((parts) => parts.join(''));

describe('globs', () => {
  test('a glob matches what the same regular expression matches', () => {
    const toExpression = (glob: string) =>
      new RegExp(
        `^${glob.replaceAll(/[.*?{},]/g, (sign) => ({ '.': '\\.', '*': '.*', '?': '.', '{': '(?:', '}': ')', ',': '|' })[sign] ?? '')}$`,
      );
    fc.assert(
      fc.property(globText, fc.string({ unit: fc.constantFrom('a', 'b', '-', '.'), maxLength: 8 }), (glob, tag) => {
        const isMatch = parseGlob(glob);
        // An alternative without any character is refused: `{a,}` alone would match nothing.
        if (isMatch) expect(isMatch(tag)).toBe(toExpression(glob).test(tag));
      }),
    );
  });

  test('a tag matches itself', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/), (tag) => expect(parseGlob(tag)?.(tag)).toBe(true)),
    );
  });

  test.each(['', '{', '}', '{a', 'a}', 'a,b', '{a,}', 'a/b', 'a b', '{a,b}'.repeat(9)])('%j is not a glob', (text) => {
    expect(parseGlob(text)).toBeUndefined();
  });

  test('a glob with many stars is compared in few steps', () => {
    expect(parseGlob('*a'.repeat(60))?.('a'.repeat(59) + 'b'.repeat(69))).toBe(false);
  });
});

describe('tag patterns and selectors', () => {
  test('semver(*) matches versions and not tags that move', () => {
    const pattern = required(parseTagPattern('semver(*)'));
    expect(['v1.2.3', '1.2.3-rc.1', '1.2', 'latest', 'sha256-aa'].filter((tag) => pattern.matches(tag))).toEqual([
      'v1.2.3',
      '1.2.3-rc.1',
    ]);
  });

  test('an exclusion takes out what other selectors select, wherever it is in the list', () => {
    const selectors = ['!team/legacy/**:*', 'team/**:{main,dev}-*', 'team/**:@untagged'].map((text) =>
      required(parseSelector(text)),
    );
    expect(selectTag(selectors, 'team/app', 'main-1')?.text).toBe('team/**:{main,dev}-*');
    expect(selectTag(selectors, 'team/app', 'other')).toBeUndefined();
    expect(selectTag(selectors, 'team/legacy/app', 'main-1')).toBeUndefined();
    expect(selectUntagged(selectors, 'team/app')?.text).toBe('team/**:@untagged');
  });

  test.each([
    '',
    'team/**',
    ':x',
    '**:',
    'Team/**:x',
    '**:semver()',
    '**:semver(x)',
    '**:@tagged',
    '!!a:b',
    `**:${'a'.repeat(1001)}`,
  ])('%j is not a selector', (text) => expect(parseSelector(text)).toBeUndefined());
});

describe('tags that follow a manifest', () => {
  test.each([`sha256:${'a'.repeat(64)}`, `sha512:${'b'.repeat(128)}`])('those of %s are recognized', (text) => {
    const tags = subjectTags(required(parseDigest(text)));
    expect(tags).toHaveLength(4);
    expect(tags.every(isSubjectTag)).toBe(true);
  });

  test.each(['latest', 'sha256-abc', `sha256-${'a'.repeat(64)}.txt`, `sha256-${'A'.repeat(64)}`])('%s follows none', (tag) => {
    expect(isSubjectTag(tag)).toBe(false);
  });
});
