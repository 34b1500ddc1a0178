import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type BerthProcess, startBerthProcess } from '../support/berth-process.ts';
import { type TestBlobs, createBlobs } from '../support/blobs.ts';
import { call } from '../support/call.ts';
import { runCommand } from '../support/command.ts';
import { type TestImage, newImage, pushBlobs, pushImage, putManifest } from '../support/images.ts';
import { postgresSettings } from '../support/metadata.ts';
import { type Database, createDatabase, postgresPrograms } from '../support/postgres.ts';
import { describeWith } from '../support/requires.ts';
import { gate, until } from '../support/until.ts';
import { type ReceivedMessage, type WebhookReceiver, startReceiver } from '../support/webhook-receiver.ts';

const repositories = ['team/a', 'team/b', 'team/c', 'team/d'];
/** Number of pushes to each repository. */
const pushes = 12;
/** Pulls that one address may make. */
const pullLimit = 300;

describeWith(postgresPrograms, 'two replicas with two workers each, over one database and one blob store', () => {
  let folder: string;
  let database: Database;
  let blobs: TestBlobs;
  let receiver: WebhookReceiver;
  let replicas: readonly [BerthProcess, BerthProcess];

  beforeAll(async () => {
    [folder, database, blobs, receiver] = await Promise.all([
      mkdtemp(join(tmpdir(), 'berth-outage-')),
      createDatabase(),
      createBlobs(),
      startReceiver(),
    ]);
    const file = join(folder, 'berth.yaml');
    const target = (path: string) => `url: ${receiver.url}/${path}, events: [push]`;
    await writeFile(
      file,
      `webhooks:
  targets:
    ci: { ${target('ci')}, privateAddress: true }
    redirected: { ${target('redirected')}, privateAddress: true }
    internal: { ${target('internal')} }
limits: { pulls: { perAddress: ${pullLimit}/6h } }
`,
    );
    const settings = {
      ...postgresSettings(database.url),
      ...blobs.settings,
      BERTH_STORAGE_BLOBS_DIRECTORY: folder,
      BERTH_CONFIG: file,
      BERTH_WORKERS: '2',
    };
    replicas = await Promise.all([startBerthProcess(settings), startBerthProcess(settings)]);
  }, 180_000);
  afterAll(async () => {
    await Promise.all(replicas.map((replica) => replica.dispose()));
    await Promise.all([database.drop(), blobs.dispose(), receiver.close()]);
    await rm(folder, { recursive: true, maxRetries: 5 });
  }, 60_000);

  /** Pushes tags 0, 1, 2 … one after the other. Whatever becomes of a replica: a push is repeated until it is acknowledged. */
  async function pushAll(repository: string, image: TestImage, acknowledged: () => void): Promise<void> {
    let turn = 0;
    for (let tag = 0; tag < pushes; tag++) {
      const manifest = JSON.stringify({ ...(JSON.parse(image.manifest) as object), annotations: { tag: `${tag}` } });
      await until(async () => {
        const replica = replicas[turn++ % 2] ?? replicas[0];
        return putManifest(replica, repository, `${tag}`, manifest).then(
          ({ status }) => status === 201,
          () => false,
        );
      });
      acknowledged();
    }
  }

  const command = (...words: readonly string[]) => runCommand(['webhooks', ...words], replicas[0].environment);
  const received = () => receiver.received.filter(({ path, body }) => path === '/ci' && !isTest(body));
  const ids = () => received().map(({ headers }) => String(headers['webhook-id']));

  test('a receiver that was down gets every event in order, and duplicates with their ids, although replicas were killed', async () => {
    const image = newImage();
    for (const repository of repositories) await pushBlobs(replicas[0], repository, image);
    receiver.setDown(true);
    let acknowledged = 0;
    const all = Promise.all(repositories.map((repository) => pushAll(repository, image, () => acknowledged++)));
    for (const [index, replica] of replicas.entries()) {
      await until(() => acknowledged >= ((index + 1) * repositories.length * pushes) / 3);
      await killWhole(replica);
      await replica.start();
    }
    await all;

    // The receiver has the first message, and its sender is killed before it hears the answer.
    const answers = gate();
    const answer = async ({ path, body }: ReceivedMessage) => {
      if (!isTest(body)) await answers.opened;
      return path === '/redirected' ? 307 : 204;
    };
    receiver.answer(answer, { Location: `${receiver.url}/elsewhere` });
    receiver.setDown(false);
    expect((await command('test', 'ci')).code).toBe(0);
    await until(() => ids().length > 0);
    const unheard = ids();
    await Promise.all(replicas.map(killWhole));
    answers.open();
    await Promise.all(replicas.map((replica) => replica.start()));

    const tagsOf = (repository: string) => {
      const messages = new Map(received().map(({ headers, body }) => [headers['webhook-id'], JSON.parse(body) as PushEvent]));
      const tags = [...messages.values()].filter(({ data }) => data.repository === repository).map(({ data }) => data.tag);
      // A push without an answer was repeated, and may be two events.
      return tags.filter((tag, index) => tag !== tags[index - 1]);
    };
    const expected = Array.from({ length: pushes }, (_, tag) => `${tag}`);
    await until(() => repositories.every((repository) => tagsOf(repository).length >= pushes), 120);
    for (const repository of repositories) expect([repository, tagsOf(repository)]).toEqual([repository, expected]);
    expect(ids().filter((id) => unheard.includes(id)).length).toBeGreaterThan(unheard.length);

    const refused = await Promise.all(['redirected', 'internal'].map((name) => command('test', name)));
    expect(refused.map(({ code, stderr }) => [code, stderr])).toEqual([
      [1, expect.stringContaining('status 307: redirects are not followed')],
      [1, expect.stringContaining('127.0.0.1 has an address that is not allowed')],
    ]);
    expect(receiver.received.filter(({ path }) => path === '/internal' || path === '/elsewhere')).toEqual([]);
  }, 240_000);

  test('a client that spreads its pulls over all processes gets at most its limit and at least 95 % of it', async () => {
    await pushImage(replicas[0], 'team/limited', '1');
    let sent = 0;
    const answers: { readonly status: number; readonly retryAfter: number }[] = [];
    const client = async () => {
      while (sent < pullLimit + 100) {
        const { status, headers } = await call(replicas[sent++ % 2] ?? replicas[0], 'GET', '/v2/team/limited/manifests/1');
        answers.push({ status, retryAfter: Number(headers['retry-after']) });
      }
    };
    await Promise.all(Array.from({ length: 8 }, client));
    const [allowed, refused] = [answers.filter(({ status }) => status === 200), answers.filter(({ status }) => status === 429)];
    expect(allowed.length + refused.length).toBe(pullLimit + 100);
    expect(allowed.length).toBeLessThanOrEqual(pullLimit);
    expect(allowed.length).toBeGreaterThanOrEqual(0.95 * pullLimit);
    for (const { retryAfter } of refused) expect(retryAfter).toBeGreaterThan(5 * 3600);
    // Each of the four processes has refused some.
    const refusals = (await Promise.all(replicas.map(refusalsByWorker))).flat();
    expect(refusals.map((count) => count > 0)).toEqual([true, true, true, true]);
    expect(refusals.reduce((sum, count) => sum + count)).toBe(refused.length);
  }, 120_000);
});

const isTest = (body: string) => (JSON.parse(body) as { type: string }).type === 'berth.webhook.test';

interface PushEvent {
  readonly data: { readonly repository: string; readonly tag: string };
}

/** Kills the replica with its workers, and resolves when its port is free. */
async function killWhole(replica: BerthProcess): Promise<void> {
  const workers = [...replica.log().matchAll(/"pid":(\d+),"milliseconds":\d+,"msg":"a worker serves"/g)].slice(-2);
  const killed = replica.kill('SIGKILL');
  for (const [, pid] of workers) kill(Number(pid));
  await killed;
  await until(() => refusesConnections(replica.port));
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended with its parent.
  }
}

function refusesConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(false)).once('error', () => resolve(true));
    socket.once('connect', () => socket.destroy());
  });
}

/** Resolves to the number of pulls that each worker of the replica has refused. */
async function refusalsByWorker(replica: BerthProcess): Promise<readonly number[]> {
  const text = (await call(replica, 'GET', '/metrics')).body.toString();
  return [...text.matchAll(/^berth_rate_limited_total\{limit="pulls",worker="\d+"\} (\d+)$/gm)].map(([, count]) => Number(count));
}
