import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { RepositoryName } from '../../../src/oci/reference.ts';
import { digestOf } from '../../support/images.ts';
import { type TestRule, day, noon } from '../../support/retention.ts';
import { type RetentionStore, type RunningRetention, openRetentionStore } from '../../support/retention-store.ts';
import { isWrite } from '../../support/wrapped-metadata.ts';

const hour = 3_600_000;
const app = 'app' as RepositoryName;

let store: RetentionStore;
beforeEach(async () => {
  store = await openRetentionStore();
});
afterEach(() => store.dispose());

/** Pushes images a, b, c, … each an hour after the one before, each with a tag of its own. */
async function pushImages(count: number, repository = 'app'): Promise<void> {
  for (let index = 0; index < count; index++) {
    const name = String.fromCharCode(97 + index);
    await store.push(repository, `${repository}-${name}`, [name]);
    store.now += hour;
  }
}

const newestTwo: TestRule = { name: 'two', match: ['**:*'], keep: [{ newest: 2 }] };

/** Expired tags and their outcomes, oldest first. */
async function log(retention: RunningRetention): Promise<readonly string[]> {
  const lines = await retention.listLog(undefined, Number.MAX_SAFE_INTEGER, 1000);
  return lines.map(({ repository, tag, outcome }) => `${repository}:${tag} ${outcome}`).reverse();
}

describe('New and changed rules serve notice; the brake holds', () => {
  test('a new rule expires nothing for the time of its notice, also over restarts', async () => {
    await pushImages(5);
    await store.start([newestTwo]).run();
    store.now += 23 * hour;
    await store.start([newestTwo]).run();
    expect(await store.tags('app')).toHaveLength(5);
    store.now += 2 * hour;
    await store.start([newestTwo]).run();
    expect(await store.tags('app')).toEqual(['d', 'e']);
  });

  test.each<[string, TestRule[], { protect?: string[]; ignoredAccounts?: string[] }]>([
    ['its keep', [{ ...newestTwo, keep: [{ newest: 1 }] }], {}],
    ['its match', [{ ...newestTwo, match: ['app:*'] }], {}],
    ['a rule before it', [{ name: 'first', match: ['other:*'], keep: [{ newest: 1 }] }, newestTwo], {}],
    ['what is protected', [newestTwo], { protect: ['app:a'] }],
    ['whose pulls count', [newestTwo], { ignoredAccounts: ['scanner'] }],
  ])('a change of %s begins a new notice', async (_, rules, options) => {
    await pushImages(5);
    await store.start([newestTwo]).run();
    store.now += 20 * hour;
    await store.start(rules, options).runFor(23 / 24);
    expect(await store.tags('app')).toHaveLength(5);
    await store.start(rules, options).runFor(2 / 24);
    expect((await store.tags('app')).length).toBeLessThan(5);
  });

  test('a rule that was removed serves notice again when it returns', async () => {
    await pushImages(5);
    await store.start([newestTwo]).run();
    store.now += 20 * hour;
    await store.start([]).run();
    await store.start([newestTwo]).runFor(23 / 24);
    expect(await store.tags('app')).toHaveLength(5);
  });

  test('a plan that would expire too much waits until it is approved', async () => {
    await pushImages(5);
    const retention = store.start([newestTwo], { brake: { tags: 1000, percent: 20 } });
    await retention.runFor(2);
    const plan = await retention.findPlan();
    expect([plan?.items.map(({ tag }) => tag).sort(), plan?.approvedBy]).toEqual([['a', 'b', 'c'], null]);
    expect(plan?.reason).toBe('3 of 5 tags would expire within 24 hours, more than retention.brake.percent (20)');
    expect(store.takeMessages()).toEqual([`plan ${plan?.id ?? ''} with 3 waits: ${plan?.reason ?? ''}`]);
    expect(await store.tags('app')).toHaveLength(5);
    expect(await retention.approve('another', 'alice')).toBe(false);
    expect(await retention.approve(plan?.id ?? '', 'alice')).toBe(true);
    await retention.run();
    expect([await store.tags('app'), await retention.findPlan()]).toEqual([['d', 'e'], undefined]);
    expect((await log(retention)).toSorted()).toEqual(['app:a trashed', 'app:b trashed', 'app:c trashed']);
  });

  test('a run that expired something and a plan that waits are events, and a run without anything to do is none', async () => {
    await pushImages(4);
    const events = async () =>
      (await store.metadata.audit.list({ target: 'retention' }, Number.MAX_SAFE_INTEGER, 10))
        .filter(({ action }) => action === 'retention.run')
        .map(({ detail }) => JSON.parse(detail ?? '') as unknown);
    const retention = store.start([newestTwo], { brake: { tags: 1, percent: 100 } });
    await retention.runFor(2);
    const plan = await retention.findPlan();
    const waiting = { plan: plan?.id, state: 'waiting', items: 2, reason: plan?.reason };
    expect(await events()).toEqual([waiting]);
    await retention.approve(plan?.id ?? '', 'alice');
    await retention.runFor(2);
    expect(await events()).toEqual([{ plan: plan?.id, state: 'executed', untagged: 0, trashed: 2, changed: 0 }, waiting]);
  });

  test('what expired within 24 hours counts, and an approved plan does not', async () => {
    await pushImages(4);
    const retention = store.start([newestTwo], { brake: { tags: 2, percent: 100 } });
    await retention.runFor(1);
    expect(await store.tags('app')).toEqual(['c', 'd']);
    await store.push('app', 'more', ['x']);
    await retention.runFor(2 / 24);
    const plan = await retention.findPlan();
    expect([plan?.items.map(({ tag }) => tag), plan?.reason]).toEqual([
      ['c'],
      '3 tags would expire within 24 hours, more than retention.brake.tags (2)',
    ]);
    await retention.approve(plan?.id ?? '', 'alice');
    await retention.runFor(2 / 24);
    expect(await store.tags('app')).toEqual(['d', 'x']);
    store.now += 20 * hour;
    await store.push('app', 'most', ['y']);
    await retention.runFor(3 / 24);
    expect(await store.tags('app')).toEqual(['x', 'y']);
  });

  test('a change of the rules drops the plan that waits', async () => {
    await pushImages(5);
    const brake = { tags: 1, percent: 100 };
    const before = store.start([newestTwo], { brake });
    await before.runFor(2);
    const plan = await before.findPlan();
    const after = store.start([{ ...newestTwo, keep: [{ newest: 4 }] }], { brake });
    await after.run();
    expect([await after.findPlan(), await after.approve(plan?.id ?? '', 'alice')]).toEqual([undefined, false]);
    await after.runFor(2);
    expect(await store.tags('app')).toEqual(['b', 'c', 'd', 'e']);
  });
});

describe("A day's gap, or a clock 5 min off the store's, restarts notices", () => {
  test('a clock that jumps ten years ahead expires nothing for the time of the notice', async () => {
    await pushImages(3);
    const rule: TestRule = { match: ['**:*'], keep: [{ pushedWithin: 30 }] };
    await store.start([rule]).runFor(2);
    store.now += 3650 * day;
    const retention = store.start([rule]);
    await retention.runFor(23 / 24);
    expect(await store.tags('app')).toHaveLength(3);
    expect(store.takeMessages()).toEqual(['notices restart: the rules were not in force for more than a day']);
    await retention.runFor(2 / 24);
    expect(await store.tags('app')).toEqual(['c']);
  });

  test('nothing expires while the clocks differ, and the notice begins when they agree again', async () => {
    await pushImages(3);
    const retention = store.start([newestTwo]);
    await retention.runFor(20 / 24);
    store.storeAhead = -301_000;
    await retention.runFor(2);
    expect(await store.tags('app')).toHaveLength(3);
    expect(new Set(store.takeMessages())).toEqual(
      new Set(['notices restart: the clock differs from that of the metadata store by more than five minutes']),
    );
    store.storeAhead = 299_000;
    await retention.runFor(22 / 24);
    expect(await store.tags('app')).toHaveLength(3);
    await retention.runFor(3 / 24);
    expect(await store.tags('app')).toEqual(['b', 'c']);
  });

  test('a clock that is set back restarts notices', async () => {
    await pushImages(3);
    const retention = store.start([newestTwo]);
    await retention.runFor(20 / 24);
    store.now -= 2 * hour;
    await retention.runFor(23 / 24);
    expect(await store.tags('app')).toHaveLength(3);
    await retention.runFor(2 / 24);
    expect(await store.tags('app')).toEqual(['b', 'c']);
  });
});

describe('Dry run writes nothing; its plan executes exactly, minus what changed, named', () => {
  test('a preview writes nothing and names what the run expires', async () => {
    await pushImages(5);
    const retention = store.start([newestTwo]);
    await retention.run();
    store.takeCalls();
    const noticed = await retention.preview(undefined, '', 100);
    expect(noticed.decisions.map(({ tag, expires, noticeUntil }) => [tag, expires, noticeUntil])).toEqual([
      ...['a', 'b', 'c'].map((tag) => [tag, true, store.now + day]),
      ...['d', 'e'].map((tag) => [tag, false, undefined]),
    ]);
    await retention.runFor(23 / 24);
    store.takeCalls();
    const expected = (await retention.preview(undefined, '', 100)).decisions.filter(({ expires }) => expires);
    const calls = store.takeCalls();
    const writes = await Promise.all(calls.map(isWrite));
    expect(calls.filter((_call, index) => writes[index])).toEqual([]);
    await retention.runFor(1 / 24);
    expect(await log(retention)).toEqual(expected.map(({ repository, tag }) => `${repository}:${tag ?? ''} trashed`));
  });

  test('a tag that was pushed again after the plan was made stays, although its rule would expire it', async () => {
    await pushImages(3);
    const retention = store.start([{ match: ['**:*'], keep: [{ newest: 1 }] }], { brake: { tags: 1, percent: 100 } });
    await retention.runFor(3);
    const plan = await retention.findPlan();
    expect(plan?.items).toHaveLength(2);
    await store.push('app', 'app-a', ['a']);
    store.now++;
    await store.push('app', 'app-c', ['c']);
    await retention.approve(plan?.id ?? '', 'alice');
    await retention.run();
    const lines = await retention.listLog(app, Number.MAX_SAFE_INTEGER, 100);
    expect(lines.map(({ tag, outcome, reason }) => [tag, outcome, reason]).sort()).toEqual([
      ['a', 'changed', 'it was pushed again after the plan was made'],
      ['b', 'trashed', 'not newest 1 by pushed'],
    ]);
    expect(await store.tags('app')).toEqual(['a', 'c']);
  });

  test('a tag that moved, one that was pushed again, one that was deleted and one that was pulled are named and stay', async () => {
    await pushImages(7);
    const rule: TestRule = { match: ['**:*'], keep: [{ newest: 1 }, { pulledWithin: 1 }] };
    const retention = store.start([rule], { brake: { tags: 1, percent: 100 } });
    await retention.runFor(3);
    const plan = await retention.findPlan();
    expect(plan?.items).toHaveLength(6);
    await store.push('app', 'app-g', ['a']);
    await store.push('app', 'app-b', ['b']);
    await store.metadata.tags.remove(app, 'c', { actor: '', address: '', at: store.now });
    await store.metadata.pulls.record([{ repository: app, digest: digestOf('app-d'), at: store.now }]);
    await retention.approve(plan?.id ?? '', 'alice');
    await retention.run();
    const lines = await retention.listLog(app, Number.MAX_SAFE_INTEGER, 100);
    expect(lines.map(({ tag, outcome, reason, isApproved }) => [tag, outcome, reason, isApproved]).sort()).toEqual([
      ['a', 'changed', 'it was moved or deleted after the plan was made', true],
      ['b', 'changed', 'it stays now: newest 1 by pushed', true],
      ['c', 'changed', 'it was moved or deleted after the plan was made', true],
      ['d', 'changed', 'it stays now: pulled within 1d', true],
      ['e', 'trashed', 'not newest 1 by pushed, not pulled within 1d', true],
      ['f', 'trashed', 'not newest 1 by pushed, not pulled within 1d', true],
    ]);
    expect(await store.tags('app')).toEqual(['a', 'b', 'd', 'g']);
  });
});

describe('execution', () => {
  test('Expiring a tag never touches others of its digest', async () => {
    await store.push('app', 'one image', ['b-1', 'b-2', 'b-3', 'stable']);
    await store.push('app', 'other', ['other']);
    const retention = store.start([{ match: ['**:b-*'], keep: [{ pushedWithin: 1 }] }]);
    await retention.runFor(2);
    expect(await store.tags('app')).toEqual(['other', 'stable']);
    expect(await log(retention)).toEqual(['app:b-1 untagged', 'app:b-2 untagged', 'app:b-3 untagged']);
    expect((await store.metadata.manifests.findByTag(app, 'stable'))?.digest).toBe(digestOf('one image'));
  });

  test("Expiring an image's last tags trashes the image with all of them, and it can be restored", async () => {
    await store.push('app', 'one image', ['b-1', 'b-2']);
    await store.push('app', 'other', ['other']);
    const retention = store.start([{ name: 'builds', match: ['**:b-*'], keep: [{ pushedWithin: 1 }] }]);
    await retention.runFor(2);
    expect(await log(retention)).toEqual(['app:b-1 trashed', 'app:b-2 trashed']);
    expect(await store.metadata.manifests.findByDigest(app, digestOf('one image'))).toBeUndefined();
    const [entry] = await store.metadata.trash.list(app, Number.MAX_SAFE_INTEGER, 10, store.now);
    expect([entry?.digest, entry?.cause, entry?.actor, entry?.reason]).toEqual([
      digestOf('one image'),
      'retention',
      'retention',
      'rule builds: not pushed within 1d',
    ]);
    const id = entry?.id ?? 0;
    expect((await store.metadata.trash.listFirstTags([id], 10)).get(id)).toEqual(['b-1', 'b-2']);
  });

  test('a tagged platform that an index needs only loses its tag', async () => {
    await store.push('app', 'platform', ['p-1']);
    await store.push('app', 'index', ['1'], { children: [{ digest: digestOf('platform'), sizeBytes: 1 }] });
    const retention = store.start([{ match: ['**:p-*'], keep: [{ pushedWithin: 1 }] }]);
    await retention.runFor(2);
    expect(await log(retention)).toEqual(['app:p-1 untagged']);
    expect(await store.metadata.manifests.findByDigest(app, digestOf('platform'))).toBeDefined();
  });

  test('manifests without a tag expire by a rule for them, counted from when they lost their tag', async () => {
    await store.push('app', 'old', ['main']);
    await store.push('app', 'index', ['1'], { children: [{ digest: digestOf('old'), sizeBytes: 1 }] });
    await store.push('app', 'older', ['main']);
    const retention = store.start([{ match: ['**:@untagged'], keep: [{ pushedWithin: 7 }] }]);
    await retention.runFor(5);
    await store.push('app', 'new', ['main']);
    await retention.runFor(6);
    expect(await log(retention)).toEqual([]);
    await retention.runFor(2);
    expect(await log(retention)).toEqual(['app: trashed']);
    expect(await store.metadata.manifests.findByDigest(app, digestOf('older'))).toBeUndefined();
    expect(await store.metadata.manifests.findByDigest(app, digestOf('old'))).toBeDefined();
  });

  test('a rule with maxPerRun expires the oldest first, and the rest in the next runs', async () => {
    await pushImages(7);
    const retention = store.start([{ ...newestTwo, maxPerRun: 2 }]);
    await retention.runFor(1);
    expect(await store.tags('app')).toEqual(['c', 'd', 'e', 'f', 'g']);
    await retention.runFor(1 / 24);
    expect(await store.tags('app')).toEqual(['e', 'f', 'g']);
    await retention.runFor(1 / 24);
    expect(await store.tags('app')).toEqual(['f', 'g']);
  });

  test('mirrored repositories are left to the eviction of the mirror', async () => {
    await store.metadata.mirroredContent.recordManifest({
      repository: 'docker.io/library/a' as RepositoryName,
      upstream: 'docker.io',
      byLogin: false,
      digest: digestOf('mirrored'),
      mediaType: 'type/m',
      sizeBytes: 1,
      artifactType: null,
      subject: null,
      annotations: null,
      tags: ['1'],
      promises: [],
      now: noon,
    });
    const retention = store.start([{ match: ['**:*'], keep: [{ pushedWithin: 1 }], mayEmpty: true }]);
    await retention.runFor(3);
    expect([(await retention.preview(undefined, '', 10)).decisions, await log(retention)]).toEqual([[], []]);
    expect(await store.tags('docker.io/library/a')).toEqual(['1']);
  });
});

describe('A repository is evaluated when its tags change, something comes due, or rules change', () => {
  const evaluated = () => store.takeCalls().filter((id) => id === 'retentionContent.listTags').length;

  test('an idle run evaluates and lists nothing', async () => {
    for (const name of ['one', 'two', 'three']) await store.push(name, name, ['1']);
    const retention = store.start([{ match: ['**:*'], keep: [{ pushedWithin: 30 }] }]);
    store.takeCalls();
    await retention.runFor(2 / 24);
    expect(evaluated()).toBe(3);
    await retention.runFor(20);
    expect(evaluated()).toBe(0);
    await store.push('two', 'new', ['2']);
    await retention.runFor(1 / 24);
    expect(evaluated()).toBe(1);
    await retention.runFor(10.5);
    // One and three came due; two expired its first tag, and is evaluated before, at and after that.
    expect(evaluated()).toBeGreaterThanOrEqual(3);
    expect([await store.tags('one'), await store.tags('two')]).toEqual([['1'], ['2']]);
  });

  test('a daily run happens at its time, once a day', async () => {
    await pushImages(3);
    const retention = store.start([newestTwo], {
      schedule: { kind: 'daily', minutes: 180, timeZone: 'Europe/Berlin' },
      noticeMilliseconds: 0,
    });
    await retention.run();
    expect(await store.tags('app')).toHaveLength(3);
    await retention.runFor(1);
    expect(await store.tags('app')).toEqual(['b', 'c']);
    const [line] = await retention.listLog(app, Number.MAX_SAFE_INTEGER, 1);
    expect(new Date(line?.at ?? 0).toISOString()).toMatch(/T01:00:00/);
  });
});
