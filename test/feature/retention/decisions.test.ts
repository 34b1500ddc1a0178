import { describe, expect, test } from '@jest/globals';
import { decide } from '../../../src/maintenance/retention/decide.ts';
import { digestOf } from '../../support/images.ts';
import { type TestRule, day, expiring, noon, rulesOf, stateOf, tagOf } from '../../support/retention.ts';

/** Keeps nothing that was pushed before today. */
const strict = { pushedWithin: 1 };

describe('Decisions are a pure function, each with its reason', () => {
  const rules = rulesOf([
    { name: 'releases', match: ['app:semver(*)'], keep: [{ newest: 1, by: 'version' }, { pulledWithin: 90 }] },
    { name: 'builds', match: ['**:main-*', '!app:main-keep'], keep: [{ createdWithin: 14, pulledWithin: 7 }] },
  ]);
  const state = stateOf([
    tagOf('1.0.0', 200),
    tagOf('1.1.0', 200, { pulledAt: noon - 89 * day }),
    tagOf('2.0.0', 300),
    tagOf('main-1', 13),
    tagOf('main-2', 5),
    tagOf('main-keep', 500),
    tagOf('other', 500),
  ]);

  test('each tag has a reason, and the first rule that matches decides', () => {
    const decisions = decide(rules, state, noon);
    expect(decisions.map(({ tag, expires, rule, reason }) => [tag, expires ? 'expires' : 'stays', rule, reason])).toEqual([
      ['1.0.0', 'expires', 'releases', 'not newest 1 by version, not pulled within 90d'],
      ['1.1.0', 'stays', 'releases', 'pulled within 90d'],
      ['2.0.0', 'stays', 'releases', 'newest 1 by version'],
      ['main-1', 'expires', 'builds', 'not created within 14d and pulled within 7d'],
      ['main-2', 'stays', 'builds', 'created within 14d and pulled within 7d'],
      ['main-keep', 'stays', undefined, 'no rule matches'],
      ['other', 'stays', undefined, 'no rule matches'],
    ]);
    expect(decide(rules, state, noon)).toEqual(decisions);
  });

  test('a kept tag says when time alone may expire it', () => {
    const changes = decide(rules, state, noon).map(({ changesAt }) => changesAt && (changesAt - noon) / day);
    expect(changes).toEqual([undefined, 1, undefined, undefined, 2, undefined, undefined]);
    expect(expiring(decide(rules, state, noon + day))).toContain('1.1.0');
  });
});

describe('protect, hold, immutable beat every rule', () => {
  const protections = {
    protect: [rulesOf([{ keep: [strict] }], { protect: ['app:old'] }), tagOf('old', 500)],
    immutable: [rulesOf([{ keep: [strict] }], { immutable: ['app:o*'] }), tagOf('old', 500)],
    hold: [rulesOf([{ keep: [strict] }]), tagOf('old', 500, { hold: { reason: 'audit', until: undefined } })],
  } as const;
  const alternatives: Readonly<Record<string, TestRule['keep'][number]>> = {
    newest: { newest: 1 },
    version: { newest: 1, by: 'version', per: 'major' },
    daily: { daily: 1 },
    weekly: { weekly: 1, by: 'created' },
    monthly: { monthly: 1, by: 'pulled' },
    yearly: { yearly: 1 },
    pushedWithin: { pushedWithin: 1 },
    createdWithin: { createdWithin: 1 },
    pulledWithin: { pulledWithin: 1 },
  };
  const pairs = Object.keys(protections).flatMap((protection) =>
    Object.keys(alternatives).map((alternative) => [protection, alternative] as const),
  );

  test.each(pairs)('%s beats %s', (protection, alternative) => {
    const [rules, tag] = protections[protection as keyof typeof protections];
    const withRule = { ...rules, rules: rulesOf([{ keep: [alternatives[alternative] ?? {}], mayEmpty: true }]).rules };
    const unprotected = { ...withRule, protect: [], immutable: [] };
    const newer = [tagOf('2.0.0', 0), tagOf('1.0.0', 0, { pulledAt: noon })];
    expect(expiring(decide(withRule, stateOf([tag, ...newer]), noon))).not.toContain('old');
    // A tag that is not a version is kept by every condition on versions.
    const expected = alternative === 'version' ? [] : ['old'];
    expect(
      expiring(decide(unprotected, stateOf([{ ...tag, hold: undefined }, ...newer]), noon)).filter((one) => one === 'old'),
    ).toEqual(expected);
  });

  test('a hold ends at its time', () => {
    const held = tagOf('old', 500, { hold: { reason: 'audit', until: noon + day } });
    const rules = rulesOf([{ keep: [strict] }]);
    const [decision] = decide(rules, stateOf([held, tagOf('new', 0)]), noon);
    expect([decision?.expires, decision?.reason, decision?.changesAt]).toEqual([false, 'held: audit', noon + day]);
    expect(expiring(decide(rules, stateOf([held, tagOf('new', -1)]), noon + day))).toEqual(['old']);
  });
});

describe('The last tag stays unless mayEmpty', () => {
  const tags = [tagOf('a', 30), tagOf('b', 20), tagOf('c', 40)];

  test('of tags that all expire the newest one stays', () => {
    const decisions = decide(rulesOf([{ keep: [strict] }]), stateOf(tags), noon);
    expect(expiring(decisions)).toEqual(['a', 'c']);
    expect(decisions[1]?.reason).toBe('the last tag of the repository stays: the rule does not set mayEmpty');
  });

  test('with mayEmpty all expire', () => {
    expect(expiring(decide(rulesOf([{ keep: [strict], mayEmpty: true }]), stateOf(tags), noon))).toEqual(['a', 'b', 'c']);
  });

  test('all expire while another tag is left, and a signature is no other tag', () => {
    const rules = rulesOf([{ match: ['**:{a,b,c}'], keep: [strict] }]);
    expect(expiring(decide(rules, stateOf([...tags, tagOf('other', 50)]), noon))).toEqual(['a', 'b', 'c']);
    const signature = tagOf(`sha256-${'a'.repeat(64)}.sig`, 1);
    expect(expiring(decide(rules, stateOf([...tags, signature]), noon))).toEqual(['a', 'c']);
  });
});

describe('Expiring a tag never touches others of its digest; ties never drop the newer push; implausible created means pushed', () => {
  test('ten tags of one digest are one image, and each expires by its own rule', () => {
    const same = { digest: digestOf('one image') };
    const ten = Array.from({ length: 10 }, (_, number) => tagOf(`build-${number}`, 20 - number, same));
    const rules = rulesOf([{ match: ['**:build-*', '!**:build-9'], keep: [{ newest: 2 }] }]);
    const others = [tagOf('build-x', 30), tagOf('build-y', 40)];
    expect(expiring(decide(rules, stateOf([...ten, ...others]), noon))).toEqual(['build-y']);
    const old = rulesOf([{ match: ['**:build-*', '!**:build-9'], keep: [strict] }]);
    expect(expiring(decide(old, stateOf(ten), noon))).toEqual(ten.slice(0, 9).map(({ tag }) => tag));
  });

  test('of images that were created at the same time the newer push stays', () => {
    const created = { createdAt: noon - 90 * day };
    const tags = [tagOf('a', 3, created), tagOf('b', 1, created), tagOf('c', 2, created)];
    expect(expiring(decide(rulesOf([{ keep: [{ newest: 1, by: 'created' }] }]), stateOf(tags), noon))).toEqual(['a', 'c']);
    expect(expiring(decide(rulesOf([{ keep: [{ daily: 1, by: 'created' }] }]), stateOf(tags), noon))).toEqual(['a', 'c']);
  });

  test('images that are equally new in every respect stay together', () => {
    const tags = [tagOf('a', 1), tagOf('b', 1), tagOf('c', 2)];
    expect(expiring(decide(rulesOf([{ keep: [{ newest: 1 }] }]), stateOf(tags), noon))).toEqual(['c']);
  });

  test.each([
    ['1970', 0],
    ['1999', Date.UTC(1999, 11, 31)],
    ['the future', noon + day],
    ['nowhere', undefined],
  ])('an image from %s counts as created when it was pushed', (_, createdAt) => {
    const rules = rulesOf([{ match: ['**:x-*'], keep: [{ createdWithin: 7 }] }]);
    const tags = [tagOf('x-new', 6, { createdAt }), tagOf('x-old', 8, { createdAt })];
    expect(expiring(decide(rules, stateOf([...tags, tagOf('other', 0)]), noon))).toEqual(['x-old']);
  });
});

describe('v1.10.0 > v1.9.0 > v1.9.0-rc.1, exact at any length', () => {
  const ordered = ['v12345678901234567891.0.0', 'v12345678901234567890.0.0', 'v1.10.0', 'v1.9.0', 'v1.9.0-rc.10', 'v1.9.0-rc.1'];
  const tags = ordered.toSorted().map((tag) => tagOf(tag, 1));

  test.each([1, 2, 3, 4, 5])('the newest %i stay', (count) => {
    const rules = rulesOf([{ match: ['**:semver(*)'], keep: [{ newest: count, by: 'version' }] }]);
    expect([...expiring(decide(rules, stateOf(tags), noon))].sort()).toEqual(ordered.slice(count).sort());
  });

  test('per major.minor keeps the newest of each line, and a tag that is not a version stays', () => {
    const rules = rulesOf([{ keep: [{ newest: 1, by: 'version', per: 'major.minor' }] }]);
    const all = ['1.0.0', '1.0.1', '1.1.0', '2.0.0', '2.0.1-rc.1', 'latest', '1.0'].map((tag) => tagOf(tag, 9));
    expect(expiring(decide(rules, stateOf(all), noon))).toEqual(['1.0.0', '2.0.0']);
    const major = rulesOf([{ keep: [{ newest: 1, by: 'version', per: 'major' }] }]);
    expect(expiring(decide(major, stateOf(all), noon))).toEqual(['1.0.0', '1.0.1', '2.0.0']);
  });

  test('signatures follow their image and are not versions', () => {
    const signature = tagOf(`sha256-${'a'.repeat(64)}.sig`, 900);
    const [decision] = decide(rulesOf([{ keep: [{ newest: 1 }], mayEmpty: true }]), stateOf([signature, tagOf('x', 0)]), noon);
    expect([decision?.expires, decision?.reason]).toEqual([false, 'follows the manifest that it is named after']);
  });
});

describe('calendar buckets and times', () => {
  test('the newest image of each of the last days with an image stays, in the time zone of the rules', () => {
    const at = (tag: string, time: string) => tagOf(tag, 0, { pushedAt: Date.parse(time) });
    const tags = [
      at('mon-1', '2026-07-06T21:30:00Z'),
      at('mon-2', '2026-07-06T22:30:00Z'), // Tuesday in Berlin
      at('tue', '2026-07-07T10:00:00Z'),
      at('fri', '2026-07-10T10:00:00Z'),
    ];
    const kept = (timeZone: string) => expiring(decide(rulesOf([{ keep: [{ daily: 3 }] }], { timeZone }), stateOf(tags), noon));
    expect(kept('UTC')).toEqual(['mon-1']);
    expect(kept('Europe/Berlin')).toEqual(['mon-2']);
  });

  test('Unknown last pull = start of tracking', () => {
    const rules = rulesOf([{ match: ['**:x-*'], keep: [{ pulledWithin: 90 }] }]);
    const tags = [tagOf('x-never', 900), tagOf('x-pulled', 900, { pulledAt: noon - 10 * day }), tagOf('x-new', 3), tagOf('y', 0)];
    const expired = (daysSince: number, now: number) =>
      expiring(decide(rules, stateOf(tags, { pullsRecordedSince: noon - daysSince * day }), now));
    // On the day of an upgrade, an adoption or a restore nothing is known of pulls.
    expect(expired(0, noon)).toEqual([]);
    expect(expired(89, noon)).toEqual([]);
    expect(expired(90, noon)).toEqual(['x-never']);
    expect(expired(90, noon + 85 * day)).toEqual(['x-never', 'x-pulled']);
  });

  test('manifests without a tag expire only by a rule for them', () => {
    const untagged = [{ ...tagOf('', 30), tag: undefined, digest: digestOf('untagged') }];
    const state = stateOf([tagOf('a', 0)], { untagged });
    expect(expiring(decide(rulesOf([{ keep: [strict] }]), state, noon))).toEqual([]);
    const rules = rulesOf([{ match: ['**:@untagged'], keep: [{ pulledWithin: 7 }] }]);
    expect(expiring(decide(rules, state, noon))).toEqual([digestOf('untagged')]);
  });
});
