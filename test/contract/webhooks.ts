import { expect, test } from '@jest/globals';
import type { NewDelivery } from '../../storage/metadata/queries/webhooks/deliveries.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import type { Plain } from '../support/plain.ts';

const all = Number.MAX_SAFE_INTEGER;
const event = { at: 50, actor: 'root', address: '', action: 'webhook.resend', target: 'ci', result: 'done' } as const;

/** What a store promises about messages for targets of webhooks. */
export function testWebhooks(store: () => Plain<MetadataStore>): void {
  const message = (id: string, repository = 'app', target = 'ci'): Plain<NewDelivery> =>
    ({ target, messageId: id, repository, type: 'image.push', content: `{"id":"${id}"}` }) as Plain<NewDelivery>;
  const enqueue = (now: number, messages: readonly Plain<NewDelivery>[], most = 100) =>
    store().webhookDeliveries.enqueue(messages as never, now, most);
  const due = async (now: number, limit = 10) =>
    (await store().webhookQueues.listDue('ci', now, now + 1000, limit)).map(({ repository }) => repository);
  const next = (repository = 'app', target = 'ci') => store().webhookQueues.listNext(target, repository, 10);
  const ids = async (repository = 'app') => (await next(repository)).map(({ messageId }) => messageId);
  const states = async () =>
    (await store().webhookDeliveries.list({ target: 'ci' }, all, 100)).map(({ messageId, state }) => [messageId, state]);
  const counts = async (target = 'ci') => {
    const found = await store().webhookTargets.find(target);
    return found && [found.waiting, found.dead, found.failures, found.waitingSince];
  };
  const first = async (repository = 'app') => {
    const [delivery] = await next(repository);
    if (!delivery) throw new Error('nothing waits');
    return { target: 'ci', repository: delivery.repository, id: delivery.id };
  };
  const succeed = async (at: number, repository = 'app') =>
    store().webhookQueues.recordSuccess({ ...(await first(repository)), at, status: 204 });
  const fail = async (at: number, isDead: boolean, retryAt?: number) =>
    store().webhookQueues.recordFailure({
      ...(await first()),
      at,
      status: 500,
      error: 'status 500',
      isDead,
      dueAt: at + 10,
      retryAt,
    });

  test('messages wait in the order in which they were recorded, for each target and repository apart, and each once', async () => {
    await store().webhookTargets.add(['ci', 'cd'], 1);
    await enqueue(5, [message('a'), message('b', 'other'), message('c'), message('a', 'app', 'cd')]);
    await enqueue(6, [message('c'), message('d'), message('e', '')]);
    expect([await ids(), await ids('other'), await ids('')]).toEqual([['a', 'c', 'd'], ['b'], ['e']]);
    expect((await next('app', 'cd')).map(({ messageId }) => messageId)).toEqual(['a']);
    expect((await due(6)).sort()).toEqual(['', 'app', 'other']);
    expect([await counts(), await counts('cd')]).toEqual([
      [5, 0, 0, 5],
      [1, 0, 0, 5],
    ]);
    expect(await next()).toContainEqual(
      expect.objectContaining({ state: 'waiting', queuedAt: 5, attempts: 0, status: null, error: null, endedAt: null }),
    );
  });

  test('a delivered message makes place for the next one, and a repository without messages is due no more', async () => {
    await store().webhookTargets.add(['ci'], 1);
    await enqueue(5, [message('a'), message('b')]);
    await succeed(7);
    await store().webhookQueues.close('ci', 'app');
    expect([await ids(), await due(8), await counts()]).toEqual([['b'], ['app'], [1, 0, 0, 5]]);
    await succeed(8);
    await store().webhookQueues.close('ci', 'app');
    expect([await ids(), await due(9), await counts()]).toEqual([[], [], [0, 0, 0, null]]);
    expect(await states()).toEqual([
      ['b', 'delivered'],
      ['a', 'delivered'],
    ]);
    expect(await store().webhookTargets.find('ci')).toMatchObject({ succeededAt: 8, failedAt: null, error: null });
  });

  test('a failed message stays the first one until it is due again, and success forgets the failures', async () => {
    await store().webhookTargets.add(['ci'], 1);
    await enqueue(5, [message('a'), message('b'), message('c', 'other')]);
    await fail(10, false, 30);
    expect([await ids(), await due(19), await due(20)]).toEqual([['a', 'b'], ['other'], ['other', 'app']]);
    expect(await store().webhookTargets.find('ci')).toMatchObject({
      failures: 1,
      retryAt: 30,
      failedAt: 10,
      error: 'status 500',
    });
    await fail(20, false);
    expect(await store().webhookQueues.listDue('ci', 30, 1000, 10)).toContainEqual({ repository: 'app', failures: 2 });
    expect(await store().webhookTargets.find('ci')).toMatchObject({ failures: 1, retryAt: 30 });
    await succeed(40);
    expect(await store().webhookTargets.find('ci')).toMatchObject({ failures: 0, retryAt: 0, error: null, succeededAt: 40 });
    expect(await store().webhookQueues.listDue('ci', 40, 1000, 10)).toContainEqual({ repository: 'app', failures: 0 });
    expect((await store().webhookDeliveries.list({ target: 'ci', state: 'delivered' }, all, 10))[0]).toMatchObject({
      attempts: 3,
    });
  });

  test('a target that is resumed is due at once with all its repositories, and only if it failed', async () => {
    await store().webhookTargets.add(['ci'], 1);
    await enqueue(5, [message('a'), message('b', 'other')]);
    const pause = async () => [await due(1_005), (await store().webhookTargets.find('ci'))?.retryAt];
    await fail(1_000, false);
    await store().webhookTargets.resume('ci');
    expect(await pause()).toEqual([['other'], 0]);
    await fail(1_000, false, 2_000);
    expect(await pause()).toEqual([['other'], 2_000]);
    await store().webhookTargets.resume('ci');
    expect(await pause()).toEqual([['app', 'other'], 0]);
  });

  test('a repository that is due much later than it can be is due now: the clock was set back', async () => {
    await store().webhookTargets.add(['ci'], 1);
    await enqueue(5, [message('a')]);
    await fail(1_000_000, false);
    expect(await due(10)).toEqual(['app']);
    expect(await due(999_500)).toEqual([]);
  });

  test('a message that is given up lets the next one follow at once, and waits again when it is sent again', async () => {
    await store().webhookTargets.add(['ci'], 1);
    await enqueue(5, [message('a'), message('b')]);
    await fail(10, true);
    expect([await ids(), await due(10), await counts()]).toEqual([['b'], ['app'], [1, 1, 0, 5]]);
    await succeed(11);
    await store().webhookQueues.close('ci', 'app');
    expect(await store().webhookDeliveries.resend(event, 'ci', undefined, 10)).toBe(1);
    expect([await ids(), await due(50), await counts()]).toEqual([['a'], ['app'], [1, 0, 0, 50]]);
    expect(await store().webhookDeliveries.resend(event, 'ci', undefined, 10)).toBe(0);
    const [audited] = await store().audit.list({ target: 'ci' }, all, 10);
    expect(audited).toMatchObject({ action: 'webhook.resend', actor: 'root', detail: '{"messages":1}' });
  });

  test('messages with chosen ids are sent again, also delivered ones, but not those that wait', async () => {
    await store().webhookTargets.add(['ci', 'cd'], 1);
    await enqueue(5, [message('a'), message('b'), message('c'), message('x', 'app', 'cd')]);
    const known = [...(await next()), ...(await next('app', 'cd'))].map(({ id }) => id);
    await succeed(6);
    await fail(7, true);
    expect(await store().webhookDeliveries.resend(event, 'ci', known, 10)).toBe(2);
    expect([await ids(), await counts(), await counts('cd')]).toEqual([
      ['a', 'b', 'c'],
      [3, 0, 0, 50],
      [1, 0, 0, 5],
    ]);
  });

  test('a full backlog gives up its oldest messages, and no others', async () => {
    await store().webhookTargets.add(['ci', 'cd'], 1);
    expect(await enqueue(5, [message('a'), message('b', 'other'), message('a', 'app', 'cd')], 2)).toEqual({});
    expect(await enqueue(6, [message('c'), message('d')], 2)).toEqual({ ci: 2 });
    expect([await ids(), await ids('other'), await counts(), await counts('cd')]).toEqual([
      ['c', 'd'],
      [],
      [2, 2, 0, 6],
      [1, 0, 0, 5],
    ]);
    expect((await store().webhookDeliveries.list({ target: 'ci', state: 'dead' }, all, 1))[0]).toMatchObject({
      messageId: 'b',
      endedAt: 6,
      error: 'the backlog of the target was full',
    });
  });

  test('a message that was given up while it was sent counts as delivered', async () => {
    await store().webhookTargets.add(['ci'], 1);
    await enqueue(5, [message('a')], 1);
    const sent = await first();
    await enqueue(6, [message('b')], 1);
    await store().webhookQueues.recordSuccess({ ...sent, at: 7, status: 200 });
    expect([await states(), await counts()]).toEqual([
      [
        ['b', 'waiting'],
        ['a', 'delivered'],
      ],
      [1, 0, 0, 6],
    ]);
  });

  test('ended messages are deleted by age, and those that were given up also by number', async () => {
    await store().webhookTargets.add(['ci'], 1);
    await enqueue(5, [message('a'), message('b'), message('c'), message('d'), message('e')]);
    await succeed(10);
    for (const at of [11, 12, 13]) await fail(at, true);
    expect(await store().webhookDeliveries.prune('delivered', 10, 10)).toBe(0);
    expect(await store().webhookDeliveries.prune('delivered', 11, 10)).toBe(1);
    expect(await store().webhookDeliveries.prune('dead', 12, 10)).toBe(1);
    expect([await states(), await counts()]).toEqual([
      [
        ['e', 'waiting'],
        ['d', 'dead'],
        ['c', 'dead'],
      ],
      [1, 2, 0, 5],
    ]);
    expect(await store().webhookDeliveries.trimDead('ci', 1, 10)).toBe(1);
    expect(await store().webhookDeliveries.trimDead('ci', 1, 10)).toBe(0);
    expect([(await states()).flat(), await counts()]).toEqual([
      ['e', 'waiting', 'd', 'dead'],
      [1, 1, 0, 5],
    ]);
  });

  test('a target that no server has had for long is forgotten with its messages, and no other one', async () => {
    await store().webhookTargets.add(['ci', 'cd'], 1);
    await enqueue(5, [message('a'), message('b'), message('a', 'app', 'cd')]);
    await store().webhookTargets.add(['cd'], 100);
    expect([await store().webhookTargets.forget(50, 1), await store().webhookTargets.forget(50, 1)]).toEqual([1, 1]);
    expect(await store().webhookTargets.forget(50, 1)).toBe(0);
    expect((await store().webhookTargets.list()).map(({ name, waiting }) => [name, waiting])).toEqual([['cd', 1]]);
    expect([await next(), (await next('app', 'cd')).length]).toEqual([[], 1]);
  });
}
