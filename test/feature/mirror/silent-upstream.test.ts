import { describe, expect, test } from '@jest/globals';
import { useTagMirror } from '../../support/tag-mirror.ts';
import { gate, until } from '../../support/until.ts';

const mirror = useTagMirror();

describe('an upstream that hangs', () => {
  test('makes clients wait once, not once for each tag', async () => {
    const digests = ['a', 'b', 'c'].map((tag) => mirror.move(tag));
    for (const tag of ['a', 'b', 'c']) await mirror.ask(tag);
    mirror.time += 61_000;
    const rest = gate();
    mirror.failures.HEAD = { until: rest.opened };
    const first = mirror.ask('a');
    await until(() => mirror.waiting === 1);
    mirror.patience.open();
    await first;
    mirror.patience = gate();
    expect([await mirror.ask('b'), await mirror.ask('c'), await mirror.ask('b')]).toEqual([
      [digests[1], 'STALE'],
      [digests[2], 'STALE'],
      [digests[1], 'STALE'],
    ]);
    expect([mirror.waiting, mirror.requests.filter((one) => one.startsWith('HEAD')).length]).toEqual([1, 3]);
    rest.open();
    mirror.failures.HEAD = undefined;
    await until(async () => (await mirror.ask('c'))[1] === 'HIT');
  });

  test('makes clients wait once also where only the GET of a moved tag hangs, until the request is given up', async () => {
    const old = mirror.move('1');
    await mirror.ask('1');
    mirror.time += 61_000;
    mirror.move('1');
    const failure = gate();
    mirror.failures.GET = { until: failure.opened, then: 'timeout' };
    const pending = mirror.ask('1');
    await until(() => mirror.requests.length === 3);
    mirror.patience.open();
    expect(await pending).toEqual([old, 'STALE']);
    mirror.patience = gate();
    failure.open();
    await until(async () => {
      mirror.time += 5000;
      await mirror.ask('1');
      return mirror.requests.length > 3;
    });
    expect([await mirror.ask('1'), mirror.waiting]).toEqual([[old, 'STALE'], 1]);
  });

  test('is asked on in the background: its answer counts for the next request, with the manifest that it names', async () => {
    const old = mirror.move('1');
    await mirror.ask('1');
    mirror.time += 61_000;
    const moved = mirror.move('1');
    const rest = gate();
    mirror.failures.HEAD = { until: rest.opened };
    const pending = mirror.ask('1');
    await until(() => mirror.waiting === 1);
    mirror.patience.open();
    expect(await pending).toEqual([old, 'STALE']);
    rest.open();
    await until(() => mirror.requests.includes(`GET manifests/${moved}`));
    mirror.failures = { HEAD: 'unreachable', GET: 'unreachable' };
    await until(async () => (await mirror.ask('1'))[1] === 'HIT');
    expect(await mirror.ask('1')).toEqual([moved, 'HIT']);
  });

  test('and answers 404 at last is believed only when it says so again', async () => {
    const digest = mirror.move('1');
    await mirror.ask('1');
    mirror.tags.delete('1');
    for (const isDropped of [false, true]) {
      mirror.time += 61_000;
      const [rest, asked] = [gate(), mirror.requests.length];
      mirror.failures.HEAD = { until: rest.opened };
      mirror.patience = gate();
      const pending = mirror.ask('1');
      await until(() => mirror.requests.length > asked);
      mirror.patience.open();
      expect(await pending).toEqual([digest, 'STALE']);
      rest.open();
      mirror.failures.HEAD = undefined;
      await until(async () => (await mirror.stateOf('1')) === (isDropped ? 'dropped' : 'missing'));
    }
  });
});
