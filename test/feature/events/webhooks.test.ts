import { createHmac } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { fillFailureRecorder } from '../../../src/assembly/webhooks/fill-failures.ts';
import { createLeases } from '../../../src/coordination/leases.ts';
import { type Consumer, createConsumer } from '../../../src/events/consumer.ts';
import { createEventReporter } from '../../../src/mirror/event-reporter.ts';
import { parsePattern } from '../../../src/oci/patterns/repository-pattern.ts';
import { createWebhookOverview } from '../../../src/webhooks/overview.ts';
import type { Target } from '../../../src/webhooks/target.ts';
import { type Webhooks, type WebhooksOptions, createWebhooks } from '../../../src/webhooks/webhooks.ts';
import { createSqliteStore } from '../../../storage/metadata/sqlite/sqlite-store.ts';
import { MetadataError, type MetadataStore } from '../../../storage/metadata/store.ts';
import { digest, newManifest } from '../../contract/metadata-store/fixtures.ts';
import { plain } from '../../support/plain.ts';
import { gate, until } from '../../support/until.ts';
import { type WebhookReceiver, startReceiver } from '../../support/webhook-receiver.ts';
import { wrapOperations } from '../../support/wrapped-metadata.ts';

const hour = 3_600_000;
const place = { url: 'https://registry.example.com', node: 'node-1:5000', instance: 'instance-1' };
const author = { actor: 'alice', address: '192.0.2.7', requestId: 'r1', at: 1000 };

let directory: string;
let metadata: MetadataStore;
let receiver: WebhookReceiver;
let clock: number;
let results: (readonly [string, string])[];
let logged: unknown[];
let servers: Server[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-webhooks-'));
  metadata = await createSqliteStore({ file: join(directory, 'metadata.sqlite') });
  receiver = await startReceiver();
  [clock, results, logged, servers] = [1_000_000, [], [], []];
});
afterEach(async () => {
  for (const server of servers) await server.close();
  await receiver.close();
  await metadata.close();
  await rm(directory, { recursive: true });
});

const target = (fields: Partial<Target> = {}): Target => ({
  name: 'ci',
  url: new URL(`${receiver.url}/hook?token=s3cret`),
  format: 'cloudevents',
  isSigned: true,
  signsBody: false,
  headers: [],
  timeoutSeconds: 5,
  allowsPrivateAddress: true,
  ca: undefined,
  events: new Set(['push', 'delete', 'pull', 'mount', 'quota', 'login', 'retention', 'fill']),
  repositories: { included: [], excluded: [] },
  secret: () => Promise.resolve('the key'),
  ...fields,
});

interface Server {
  readonly webhooks: Webhooks;
  readonly consumer: Consumer;
  /** Delivers all events that wait, and everything that is due. */
  deliver(): Promise<void>;
  close(): Promise<void>;
}

/** The webhooks of one process. */
async function serve(targets: readonly Target[], options: Partial<WebhooksOptions> = {}): Promise<Server> {
  const store = (options.metadata as MetadataStore | undefined) ?? metadata;
  const log = { warn: (...line: unknown[]) => logged.push(line), error: (...line: unknown[]) => logged.push(line) } as never;
  const webhooks = createWebhooks({
    targets,
    backlog: 1000,
    retrySeconds: 3600,
    keepDeliveredSeconds: 3600,
    keepDeadSeconds: 7200,
    pulls: 1,
    place,
    metadata: store,
    leases: undefined,
    log,
    now: () => clock,
    monotonic: () => clock,
    events: {
      tried: (name, result) => results.push([name, result]),
      pullsLost: (messages) => results.push(['lost', String(messages)]),
    },
    ...options,
  });
  await webhooks.open();
  const consumer = createConsumer(webhooks.handler, {
    metadata: store,
    leases: options.leases,
    log,
    now: () => clock,
    monotonic: () => clock,
  });
  await consumer.open();
  const server = {
    webhooks,
    consumer,
    async deliver() {
      await consumer.deliver();
      await webhooks.run();
      await webhooks.settled();
    },
    async close() {
      await consumer.close();
      await webhooks.close();
    },
  };
  servers.push(server);
  return server;
}

const push = (letter: string, repository = 'app', ...tags: readonly string[]) =>
  plain(metadata).manifests.put(newManifest(repository, letter, { tags: tags.length > 0 ? tags : ['1'], now: 1000, author }));
const first = () => {
  const [message] = receiver.received;
  if (!message) throw new Error('nothing was received');
  return message;
};
const bodies = () => receiver.received.map(({ body }) => JSON.parse(body) as CloudEvent);
const digests = (repository = 'app') =>
  bodies()
    .filter(({ data }) => data.repository === repository)
    .map(({ data }) => data.digest);

interface CloudEvent {
  readonly id: string;
  readonly type: string;
  readonly data: { readonly repository?: string; readonly digest?: string; readonly tag?: string };
}

describe('a receiver that works', () => {
  test('gets each change of a repository in order, as CloudEvents with a signature of id, time and body', async () => {
    const { deliver } = await serve([target()]);
    await push('a');
    await push('b');
    await plain(metadata).tags.remove('app', '1', author);
    await deliver();
    expect(bodies()[0]).toEqual({
      specversion: '1.0',
      id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
      source: 'https://registry.example.com',
      type: 'berth.image.push',
      subject: 'app',
      time: '1970-01-01T00:00:01.000Z',
      datacontenttype: 'application/json',
      data: {
        registry: 'registry.example.com',
        repository: 'app',
        digest: digest('a'),
        tag: '1',
        tags: [{ name: '1', previous: null }],
        mediaType: expect.any(String),
        size: 1,
        actor: 'alice',
        address: '192.0.2.7',
        requestId: 'r1',
      },
    });
    expect(bodies().map(({ type, data }) => [type, data.digest, data.tag])).toEqual([
      ['berth.image.push', digest('a'), '1'],
      ['berth.image.push', digest('b'), '1'],
      ['berth.tag.delete', digest('b'), '1'],
    ]);
    const { path, headers, body } = first();
    const signature = createHmac('sha256', 'the key')
      .update(`${bodies()[0]?.id ?? ''}.1000.${body}`)
      .digest('base64');
    expect([path, headers['content-type']]).toEqual(['/hook?token=s3cret', 'application/cloudevents+json; charset=utf-8']);
    expect([headers['webhook-id'], headers['webhook-timestamp'], headers['webhook-signature'], headers['x-signature']]).toEqual([
      bodies()[0]?.id,
      '1000',
      `v1,${signature}`,
      undefined,
    ]);
    expect(results).toEqual([
      ['ci', 'delivered'],
      ['ci', 'delivered'],
      ['ci', 'delivered'],
    ]);
  });

  test('gets a signature of the body alone, a key in base64 and headers of the operator if the target says so', async () => {
    const key = Buffer.from('0123456789abcdef01234567').toString('base64');
    const secret = () => Promise.resolve(`whsec_${key}`);
    const { deliver } = await serve([target({ secret, signsBody: true, headers: [['Authorization', 'Bearer abc']] })]);
    await push('a');
    await deliver();
    const { headers, body } = first();
    const signed = createHmac('sha256', Buffer.from(key, 'base64')).update(`${String(headers['webhook-id'])}.1000.${body}`);
    expect(headers['webhook-signature']).toBe(`v1,${signed.digest('base64')}`);
    expect(headers['x-signature']).toBe(`sha256=${createHmac('sha256', `whsec_${key}`).update(body).digest('hex')}`);
    expect(headers['authorization']).toBe('Bearer abc');
  });

  test('gets the repositories and events that the target names, and a tag of its own for each tag', async () => {
    const [included, excluded] = [parsePattern('team/**'), parsePattern('team/old/**')];
    if (!included || !excluded) throw new Error('not a pattern');
    const { deliver } = await serve([
      target({ events: new Set(['tag']), repositories: { included: [included], excluded: [excluded] } }),
    ]);
    await push('a', 'team/app', '1', 'latest');
    await push('b', 'team/old/app');
    await push('c', 'other');
    await push('d', 'team/app', 'latest');
    await plain(metadata).tags.remove('team/app', '1', author);
    await deliver();
    expect(bodies().map(({ type, data }) => [type, data.tag, data.digest])).toEqual([
      ['berth.image.tag', '1', digest('a')],
      ['berth.image.tag', 'latest', digest('a')],
      ['berth.image.tag', 'latest', digest('d')],
    ]);
    expect(JSON.parse(receiver.received[2]?.body ?? '')).toMatchObject({
      data: { tags: [{ name: 'latest', previous: digest('a') }] },
    });
  });

  test('gets refused logins, quotas, failed downloads and runs of retention, and no accepted login', async () => {
    const { deliver } = await serve([target()]);
    const about = { at: 1000, actor: 'eve', address: '192.0.2.9', target: 'eve', result: 'refused' } as const;
    await metadata.audit.record([
      { ...about, action: 'login', detail: '{"kind":"password"}' },
      { ...about, action: 'login', result: 'done' },
      { ...about, action: 'quota.exceeded', target: 'team/app', detail: '{"quota":"teams"}' },
      { ...about, action: 'fill.failed', target: 'docker.io/library/alpine', detail: '{"digest":"sha256:f","reason":"timeout"}' },
      { ...about, action: 'retention.run', target: 'retention', result: 'done', detail: '{"state":"executed","trashed":2}' },
      { ...about, action: 'user.create', result: 'done' },
    ]);
    await deliver();
    const told = bodies().map(({ type, ...event }) => [type, (event as unknown as { subject: string }).subject]);
    expect(told.sort()).toEqual([
      ['berth.fill.failed', 'docker.io/library/alpine'],
      ['berth.login.refused', 'eve'],
      ['berth.quota.exceeded', 'team/app'],
      ['berth.retention.run', 'retention'],
    ]);
    expect(bodies().find(({ type }) => type === 'berth.fill.failed')).toMatchObject({
      data: { repository: 'docker.io/library/alpine', digest: 'sha256:f', reason: 'timeout' },
    });
    expect(bodies().find(({ type }) => type === 'berth.retention.run')).toMatchObject({
      data: { state: 'executed', trashed: 2 },
    });
  });

  test('gets pulls, all or a part of them', async () => {
    const chances = [0.4, 0.6];
    const { webhooks, deliver } = await serve([target()], { pulls: 0.5, random: () => chances.shift() ?? 1 });
    const pull = { repository: 'app', digest: digest('a'), tag: '1', mediaType: 'm', sizeBytes: 3 } as never;
    webhooks.pulls.add(pull, () => author);
    webhooks.pulls.add(pull, () => author);
    await deliver();
    expect(bodies()).toMatchObject([
      { type: 'berth.image.pull', data: { repository: 'app', tag: '1', size: 3, actor: 'alice' } },
    ]);
  });

  test("gets Distribution's envelope, with one event for each tag, field by field", async () => {
    const { webhooks, deliver } = await serve([target({ format: 'distribution' })]);
    await push('a', 'app', '1', '2');
    await push('b', 'app', '1');
    await plain(metadata).tags.remove('app', '2', author);
    await plain(metadata).deletions.put({
      repository: 'app',
      digest: digest('b'),
      windowMilliseconds: 1000,
      reason: '',
      cause: 'delete',
      author,
    });
    await plain(metadata).blobs.commit('app', digest('d'), 1, 'no upload', 5);
    await plain(metadata).blobs.mount('app', 'other', digest('d'), author);
    webhooks.pulls.add({ repository: 'app', digest: digest('a'), mediaType: 'm', sizeBytes: 3 } as never, () => author);
    await deliver();
    const types = receiver.received.map(({ headers }) => headers['content-type']);
    expect(new Set(types)).toEqual(new Set(['application/vnd.docker.distribution.events.v2+json']));
    const events = receiver.received.flatMap(({ body }) => (JSON.parse(body) as { events: { action: string }[] }).events);
    const of = (action: string) => events.filter((event) => event.action === action);
    const pushed = (tag: string, letter: string) => ({
      id: expect.any(String),
      timestamp: '1970-01-01T00:00:01.000Z',
      action: 'push',
      target: {
        mediaType: expect.any(String),
        size: 1,
        digest: digest(letter),
        length: 1,
        repository: 'app',
        url: `https://registry.example.com/v2/app/manifests/${digest(letter)}`,
        tag,
      },
      request: { id: 'r1', addr: '192.0.2.7', host: 'registry.example.com', method: 'PUT', useragent: '' },
      actor: { name: 'alice' },
      source: { addr: 'node-1:5000', instanceID: 'instance-1' },
    });
    // The manifest b was deleted before its message was made: its type and size are not known any more.
    const gone = pushed('1', 'b');
    const unknown = { ...gone.target, mediaType: undefined, size: undefined, length: undefined };
    expect(of('push')).toEqual([pushed('1', 'a'), pushed('2', 'a'), { ...gone, target: unknown }]);
    expect(of('delete')).toMatchObject([
      { target: { repository: 'app', tag: '2' }, request: { method: 'DELETE' } },
      { target: { repository: 'app', digest: digest('b') }, request: { method: 'DELETE' } },
    ]);
    expect(of('delete').map((event) => Object.keys((event as unknown as { target: object }).target))).toEqual([
      ['repository', 'tag'],
      ['digest', 'repository'],
    ]);
    expect(of('mount')).toMatchObject([{ target: { repository: 'other', fromRepository: 'app', digest: digest('d') } }]);
    expect(of('pull')).toMatchObject([{ target: { repository: 'app', size: 3 }, request: { method: 'GET' } }]);
    expect(new Set(events.map((event) => (event as unknown as { id: string }).id)).size).toBe(events.length);
  });
});

describe('a receiver that fails', () => {
  test('is tried again with growing pauses, then gets everything in order, once, with the ids of the first tries', async () => {
    const { deliver } = await serve([target()]);
    receiver.answer(503);
    for (const letter of ['a', 'b', 'c']) await push(letter);
    await push('d', 'other');
    const tries = async () => {
      await deliver();
      return receiver.received.length;
    };
    const begun = await tries();
    expect(begun).toBeGreaterThan(0);
    expect(await tries()).toBe(begun);
    // Two repositories may have failed at once: the pause is that after two failures.
    clock += 2000;
    expect(await tries()).toBe(begun + 1);
    clock += 1000;
    expect(await tries()).toBeLessThanOrEqual(begun + 2);
    clock += 4000;
    receiver.answer(204);
    const before = receiver.received.length;
    await deliver();
    const delivered = bodies().slice(before);
    expect(delivered.filter(({ data }) => data.repository === 'app').map(({ data }) => data.digest)).toEqual(
      ['a', 'b', 'c'].map(digest),
    );
    expect(delivered).toHaveLength(4);
    const ids = new Set(bodies().map(({ id }) => id));
    expect(ids.size).toBe(4);
    expect(await metadata.webhookTargets.find('ci')).toMatchObject({ waiting: 0, dead: 0, failures: 0 });
    expect(JSON.stringify(logged)).not.toMatch(/s3cret|the key/);
  });

  test('gets what waits at once after it has accepted a test message, although its pause is not over', async () => {
    const { deliver } = await serve([target()]);
    receiver.answer(503);
    await push('a');
    await push('b', 'other');
    await deliver();
    const before = receiver.received.length;
    receiver.answer(204);
    await deliver();
    expect(receiver.received).toHaveLength(before);
    const overview = createWebhookOverview({ targets: [target()], metadata, place, now: () => clock });
    expect(await overview.test('ci')).toMatchObject({ delivered: true });
    await deliver();
    expect(receiver.received).toHaveLength(before + 3);
  });

  test('is left alone for as long as it asks for with Retry-After', async () => {
    const { deliver } = await serve([target()]);
    receiver.answer(429, { 'Retry-After': '60' });
    await push('a');
    await deliver();
    clock += 59_999;
    await deliver();
    expect(receiver.received).toHaveLength(1);
    receiver.answer(204);
    clock += 1;
    await deliver();
    expect(receiver.received).toHaveLength(2);
  });

  test('gets a request to its end when berth shuts down, so that no duplicate comes after the next start', async () => {
    const { consumer, webhooks } = await serve([target()]);
    const response = gate();
    receiver.answer(204, {}, response.opened);
    await push('a');
    await push('b');
    await consumer.deliver();
    await until(() => receiver.received.length === 1);
    const closed = webhooks.close();
    response.open();
    await closed;
    expect(await metadata.webhookTargets.find('ci')).toMatchObject({ waiting: 1 });
    expect(digests()).toEqual([digest('a')]);
  });

  test('does not hold up other targets, nor pushes', async () => {
    const other = await startReceiver();
    const { deliver } = await serve([target(), target({ name: 'cd', url: new URL(other.url) })]);
    await receiver.close();
    await push('a');
    await push('b');
    await deliver();
    expect(other.received).toHaveLength(2);
    expect(await metadata.webhookTargets.find('ci')).toMatchObject({ waiting: 2, error: 'no connection (ECONNREFUSED)' });
    await other.close();
  });

  test('gives up a message that it rejects after five tries, and then gets the next one; other repositories go on', async () => {
    const { deliver } = await serve([target()]);
    receiver.answer(({ body }) => (body.includes(digest('a')) ? 422 : 204));
    await push('a');
    await push('b', 'app', '2');
    await push('c', 'other');
    await deliver();
    expect(digests('other')).toEqual([digest('c')]);
    for (let tries = 2; tries <= 5; tries++) {
      expect(digests()).not.toContain(digest('b'));
      clock += hour / 4;
      await deliver();
    }
    await deliver();
    expect(digests()).toEqual([...Array<string>(5).fill(digest('a')), digest('b')]);
    expect(await metadata.webhookTargets.find('ci')).toMatchObject({ waiting: 0, dead: 1 });
    expect(results.filter(([, result]) => result === 'dead')).toHaveLength(1);
  });

  test('gets a dead letter again when an admin sends it again', async () => {
    const targets = [target()];
    const { deliver, webhooks } = await serve(targets);
    const overview = createWebhookOverview({ targets, metadata, place, now: () => clock });
    receiver.answer(500);
    await push('a');
    for (let tries = 1; tries <= 5; tries++) {
      expect((await overview.list())[0]?.dead).toBe(0);
      clock += hour / 3;
      await deliver();
    }
    expect(await overview.list()).toMatchObject([{ name: 'ci', receiver: receiver.url, state: 'failing', waiting: 0, dead: 1 }]);
    const page = await overview.deliveries('ci', { state: 'dead', limit: 10 });
    expect(page?.deliveries).toMatchObject([
      { type: 'berth.image.push', tags: ['1'], attempts: 5, status: 500, error: 'status 500' },
    ]);
    receiver.answer(204);
    clock += hour;
    expect(await overview.resend('ci', undefined, { actor: 'root', address: '' })).toBe(1);
    await deliver();
    expect(new Set(bodies().map(({ id }) => id)).size).toBe(1);
    expect(await overview.list()).toMatchObject([{ state: 'idle', waiting: 0, dead: 0, error: null }]);
    clock += 2 * hour;
    await webhooks.tidy();
    expect((await overview.deliveries('ci', { limit: 10 }))?.deliveries).toEqual([]);
    expect(JSON.stringify(await overview.list())).not.toMatch(/s3cret|the key/);
  });

  test('loses nothing when berth ends between the answer and its record: the message comes again with its id', async () => {
    let isBroken = true;
    const broken = wrapOperations(metadata, (operation, id) =>
      id === 'webhookQueues.recordSuccess' && isBroken ? () => Promise.reject(new MetadataError('closed', 'ended')) : operation,
    );
    const former = await serve([target()], { metadata: broken });
    await push('a');
    await push('b');
    await former.deliver();
    await former.deliver();
    expect(digests()).toEqual([digest('a')]);
    await former.close();
    isBroken = false;
    const second = await serve([target()]);
    await second.deliver();
    expect(digests()).toEqual([digest('a'), digest('a'), digest('b')]);
    expect(bodies()[0]?.id).toBe(bodies()[1]?.id);
  });

  test('makes pulls wait for nothing: while the backlog is long they are left out and counted', async () => {
    const { webhooks, deliver } = await serve([target()], { backlog: 4 });
    receiver.answer(500);
    await push('a');
    await push('b');
    await deliver();
    webhooks.pulls.add({ repository: 'app', digest: digest('a'), mediaType: 'm', sizeBytes: 3 } as never, () => author);
    await deliver();
    expect(results).toContainEqual(['lost', '1']);
    for (const letter of ['c', 'd', 'e', 'f']) await push(letter);
    clock += hour / 2;
    receiver.answer(204);
    await deliver();
    expect(digests().slice(-4)).toEqual(['c', 'd', 'e', 'f'].map(digest));
    expect(await metadata.webhookTargets.find('ci')).toMatchObject({ waiting: 0, dead: 2 });
  });
});

describe('an address that berth must not call', () => {
  test.each([
    ['a private address', () => ({ allowsPrivateAddress: false }), 'an address that is not allowed'],
    [
      'a name of a private address',
      () => ({ allowsPrivateAddress: false, url: new URL(receiver.url.replace('127.0.0.1', 'localhost')) }),
      'an address that is not allowed',
    ],
    [
      'a link-local address, also where private ones are allowed',
      () => ({ url: new URL('http://169.254.169.254/latest') }),
      'an address that is not allowed',
    ],
  ])('%s gets no request', async (_title, fields, reason) => {
    const { deliver } = await serve([target(fields())]);
    await push('a');
    await deliver();
    expect(receiver.received).toEqual([]);
    expect((await metadata.webhookTargets.find('ci'))?.error).toContain(reason);
  });

  test('a redirect is not followed', async () => {
    const { deliver } = await serve([target()]);
    receiver.answer(307, { Location: `${receiver.url}/elsewhere` });
    await push('a');
    await deliver();
    expect(receiver.received.map(({ path }) => path)).toEqual(['/hook?token=s3cret']);
    expect(await metadata.webhookTargets.find('ci')).toMatchObject({
      waiting: 1,
      error: 'status 307: redirects are not followed',
    });
  });
});

test('two replicas send each message once and in order, and one goes on where the other has ended', async () => {
  const other = await createSqliteStore({ file: join(directory, 'metadata.sqlite') });
  const leasesOf = (store: MetadataStore) => createLeases({ metadata: store, now: Date.now });
  const former = await serve([target()], { leases: leasesOf(metadata) });
  const second = await serve([target()], { leases: leasesOf(other), metadata: other });
  const letters = ['a', 'b', 'c', 'd', 'e', 'f'];
  for (const letter of letters) {
    await push(letter);
    await push(letter, 'other');
    await Promise.all([former.deliver(), second.deliver()]);
  }
  await former.close();
  await push('9');
  await until(async () => {
    await second.deliver();
    return digests().includes(digest('9'));
  });
  expect(digests()).toEqual([...letters, '9'].map(digest));
  expect(digests('other')).toEqual(letters.map(digest));
  await second.close();
  await other.close();
});

test('a failed download of the mirror is an event once a minute, if a target wants it', async () => {
  const configOf = (...events: readonly 'fill'[]) => ({ webhooks: { targets: { ci: { events } } } }) as never;
  const log = { warn: (...line: unknown[]) => logged.push(line) };
  const metrics = { mismatched: () => undefined } as never;
  expect(fillFailureRecorder(configOf(), metadata, () => clock, log as never)).toBeUndefined();
  const fillFailed = fillFailureRecorder(configOf('fill'), metadata, () => clock, log as never);
  const reporter = createEventReporter({ metrics, log, fillFailed });
  const place = { upstream: 'docker.io', repository: 'docker.io/library/alpine' };
  const events = () => metadata.audit.list({ target: place.repository }, Number.MAX_SAFE_INTEGER, 10);
  reporter.downloadFailed(digest('a'), new Error('it broke off'), place);
  await until(async () => (await events()).length === 1);
  clock += 59_999;
  reporter.downloadFailed(digest('a'), new Error('it broke off'), place);
  clock += 1;
  reporter.downloadFailed(digest('a'), new Error('it broke off again'), place);
  await until(async () => (await events()).length === 2);
  expect((await events()).map(({ action, detail }) => [action, JSON.parse(detail ?? '') as unknown])).toEqual([
    ['fill.failed', { upstream: 'docker.io', digest: digest('a'), reason: 'it broke off again' }],
    ['fill.failed', { upstream: 'docker.io', digest: digest('a'), reason: 'it broke off' }],
  ]);
});
