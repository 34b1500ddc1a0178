import { describe, expect, test } from '@jest/globals';
import { digestOf, newImage } from '../../support/images.ts';
import { useTagMirror } from '../../support/tag-mirror.ts';
import { gate, until } from '../../support/until.ts';

const mirror = useTagMirror();

describe('a tag that has moved', () => {
  test.each(['limited', 'unreachable', 'timeout', 'failed', 'busy', 'not_found', 'bad_content', 'denied'] as const)(
    'keeps its manifest for GET and HEAD while the GET of the new one is %s',
    async (code) => {
      const old = mirror.move('1');
      await mirror.ask('1');
      mirror.time += 61_000;
      const moved = mirror.move('1');
      mirror.failures.GET = code;
      expect([await mirror.ask('1'), await mirror.ask('1', false)]).toEqual([
        [old, 'STALE'],
        [old, 'STALE'],
      ]);
      mirror.failures.GET = undefined;
      mirror.time += 61_000;
      expect(await mirror.ask('1')).toEqual([moved, 'MISS']);
      expect(await mirror.ask('1')).toEqual([moved, 'HIT']);
    },
  );

  test('keeps its manifest after a restart, while the upstream limits or is gone', async () => {
    const old = mirror.move('1');
    await mirror.ask('1');
    mirror.time += 61_000;
    mirror.move('1');
    mirror.failures.GET = 'limited';
    await mirror.ask('1');
    await mirror.closeStores();
    await mirror.start();
    expect([await mirror.ask('1'), await mirror.ask('1', false)]).toEqual([
      [old, 'STALE'],
      [old, 'STALE'],
    ]);
    mirror.time += 600_000;
    mirror.failures.HEAD = 'unreachable';
    expect(await mirror.ask('1')).toEqual([old, 'STALE']);
  });

  test('is not asked for again before the retry time', async () => {
    mirror.move('1');
    await mirror.ask('1');
    mirror.time += 61_000;
    mirror.move('1');
    mirror.failures.GET = 'limited';
    await mirror.ask('1');
    const before = mirror.requests.length;
    await mirror.ask('1');
    expect(mirror.requests.length).toBe(before);
    mirror.time += 5000;
    await mirror.ask('1');
    expect(mirror.requests.length).toBe(before + 1);
  });

  test('is told to a HEAD only once its manifest is here', async () => {
    mirror.move('1');
    await mirror.ask('1');
    mirror.time += 61_000;
    const moved = mirror.move('1');
    expect(await mirror.ask('1', false)).toEqual([moved, 'MISS']);
    mirror.failures.GET = 'unreachable';
    expect(await mirror.ask('1')).toEqual([moved, 'HIT']);
  });

  test('keeps its manifest while the GET hangs, and gets the new one when that has come', async () => {
    const old = mirror.move('1');
    await mirror.ask('1');
    mirror.time += 61_000;
    const moved = mirror.move('1');
    const rest = gate();
    mirror.failures.GET = { until: rest.opened };
    const pending = mirror.ask('1');
    await until(() => mirror.requests.includes(`GET manifests/${moved}`));
    expect(mirror.waiting).toBe(1);
    mirror.patience.open();
    expect(await pending).toEqual([old, 'STALE']);
    rest.open();
    await until(async () => (await mirror.ask('1'))[0] === moved);
  });
});

describe('a tag that is pulled all the time', () => {
  const tenMinutes = 600_000;
  const count = (start: string) => mirror.requests.filter((one) => one.startsWith(start)).length;

  test('costs at most ten HEADs and no GET for 1,000 pulls in ten minutes', async () => {
    const digest = mirror.move('1');
    await mirror.ask('1');
    mirror.requests = [];
    for (let pull = 0; pull < 1000; pull++) {
      expect((await mirror.ask('1'))[0]).toBe(digest);
      mirror.time += tenMinutes / 1000;
    }
    expect([count('HEAD') <= 10, count('GET')]).toEqual([true, 0]);
  });

  test('costs one GET more when it moves, also while the upstream fails now and then', async () => {
    mirror.move('1');
    await mirror.ask('1');
    mirror.requests = [];
    const moved = mirror.move('1');
    for (let pull = 0; pull < 1000; pull++) {
      mirror.failures.HEAD = Math.floor(pull / 100) % 2 === 0 ? undefined : 'unreachable';
      await mirror.ask('1');
      mirror.time += tenMinutes / 1000;
    }
    mirror.failures.HEAD = undefined;
    expect((await mirror.ask('1'))[0]).toBe(moved);
    expect([count('HEAD') <= 10 + tenMinutes / 2 / 5000, count('GET')]).toEqual([true, 1]);
  });
});

describe('stale while revalidate', () => {
  test('serves the tag at once and checks it for the next request', async () => {
    await mirror.closeStores();
    await mirror.start(600);
    const old = mirror.move('1');
    await mirror.ask('1');
    mirror.time += 61_000;
    const moved = mirror.move('1');
    expect(await mirror.ask('1')).toEqual([old, 'STALE']);
    await until(async () => (await mirror.ask('1'))[0] === moved);
    mirror.time += 661_000;
    expect(await mirror.ask('1')).toEqual([moved, 'REVALIDATED']);
  });
});

describe('a tag that the upstream denies having', () => {
  test('is dropped only when the upstream says so a second time, not by the negative cache', async () => {
    const digest = mirror.move('1');
    await mirror.ask('1');
    mirror.time += 61_000;
    mirror.tags.delete('1');
    expect(await mirror.ask('1')).toEqual([digest, 'STALE']);
    mirror.tags.set('1', digest);
    mirror.time += 61_000;
    expect(await mirror.ask('1')).toEqual([digest, 'REVALIDATED']);
    mirror.tags.delete('1');
    mirror.time += 60_000;
    expect(await mirror.ask('1')).toEqual([digest, 'STALE']);
    mirror.time += 60_000;
    await expect(mirror.ask('1')).rejects.toMatchObject({ code: 'not_found' });
  });

  test('is kept and served stale where the login is refused, however often', async () => {
    const digest = mirror.move('1');
    await mirror.ask('1', true, mirror.withLogin);
    mirror.failures.HEAD = 'denied';
    for (let times = 0; times < 4; times++) {
      mirror.time += 61_000;
      expect(await mirror.ask('1', true, mirror.withLogin)).toEqual([digest, 'STALE']);
    }
    mirror.failures.HEAD = undefined;
    mirror.time += 61_000;
    expect(await mirror.ask('1', true, mirror.withLogin)).toEqual([digest, 'REVALIDATED']);
  });

  test('is asked for again 30 seconds after a 404, by tag and by digest', async () => {
    const { manifest } = newImage();
    const digest = digestOf(manifest);
    const byDigest = () => mirror.mirrored.get(mirror.source(), { digest: digest as `sha256:${string}` } as never, true);
    await expect(mirror.ask('1')).rejects.toMatchObject({ code: 'not_found' });
    await expect(byDigest()).rejects.toMatchObject({ code: 'not_found' });
    mirror.manifests.set(digest, manifest);
    mirror.tags.set('1', digest);
    mirror.time += 29_000;
    await expect(mirror.ask('1')).rejects.toMatchObject({ code: 'not_found' });
    await expect(byDigest()).rejects.toMatchObject({ code: 'not_found' });
    mirror.time += 1000;
    expect([(await byDigest()).cache, (await mirror.ask('1'))[0]]).toEqual(['MISS', digest]);
  });
});
