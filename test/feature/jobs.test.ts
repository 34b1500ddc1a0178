import { mkdtemp, rm } from 'node:fs/promises';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { OciError } from '../../src/oci/errors.ts';
import type { JobStatus } from '../../src/progress/job.ts';
import { type JobProgress, createJobRecorder } from '../../src/progress/job-recorder.ts';
import { type JobsOverviewOptions, type VersionedJob, createJobsOverview } from '../../src/progress/jobs-overview.ts';
import { createSqliteStore } from '../../storage/metadata/sqlite/sqlite-store.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import { type GuardedBerth, admin, alice, aliceUser, apiOf, basic, startWithAlice } from '../support/access.ts';
import { ociArchive } from '../support/archives.ts';
import { call } from '../support/call.ts';
import { realImage } from '../support/real-image.ts';
import { gate, until } from '../support/until.ts';
import { newVisitor } from '../support/visitor.ts';

describe('jobs', () => {
  let metadata: MetadataStore;
  let directory: string;
  let now = 1_000_000;
  const owner = 'account:1';
  const own = { owner, seesAll: false };
  const everything = { owner: 'account:2', seesAll: true };
  const closing = new AbortController();
  const never = new AbortController().signal;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'berth-jobs-'));
    metadata = await createSqliteStore({ file: join(directory, 'metadata.sqlite') });
  });
  afterAll(async () => {
    await metadata.close();
    await rm(directory, { recursive: true });
  });

  const recorder = () => createJobRecorder({ metadata, now: () => now, intervalMilliseconds: 1 });
  const overviewWith = (changes: Partial<JobsOverviewOptions> = {}) =>
    createJobsOverview({ metadata, sources: [], now: () => now, closing: never, pollMilliseconds: 1, ...changes });
  const overview = () => overviewWith();

  /** Begins a job that runs until `finish`. */
  async function begun(subject: string, total?: number) {
    const { opened, open } = gate();
    const started = Promise.withResolvers<JobProgress>();
    const job = { kind: 'upload', owner, subject, unit: 'bytes', total } as const;
    const done = recorder().track(job, async (progress) => {
      started.resolve(progress);
      await opened;
    });
    const progress = await started.promise;
    const find = async () => (await overview().list(everything)).find((one) => one.subject === subject) as JobStatus;
    const { id } = await find();
    return { id, progress, find, finish: () => (open(), done) };
  }

  test('show their progress to their account and to admins, in every process, and then their result', async () => {
    const { id, progress, finish } = await begun('images.tar', 100);
    progress.report(40);
    await until(async () => (await overview().find(id, own))?.done === 40);
    expect(await overview().find(id, own)).toMatchObject({ state: 'running', total: 100, unit: 'bytes', endedAt: null });
    expect(await overview().find(id, everything)).toMatchObject({ id });
    expect(await overview().find(id, { owner: 'account:3', seesAll: false })).toBeUndefined();
    expect(await overview().list({ owner: 'account:3', seesAll: false })).toEqual([]);
    progress.setResult('/ui/upload/1');
    await finish();
    expect(await overview().list(own)).toMatchObject([{ id, state: 'done', result: '/ui/upload/1', canBeCancelled: false }]);
  });

  test('say why they failed if the client can do something about it', async () => {
    const failing = (error: Error) =>
      recorder()
        .track({ kind: 'upload', owner, subject: error.message, unit: 'bytes' }, () => Promise.reject(error))
        .catch((reason: unknown) => reason);
    const refused = new OciError('MANIFEST_INVALID', { message: 'entry "a" is damaged' });
    expect(await failing(refused)).toBe(refused);
    await failing(new Error('secret path'));
    const [two, one] = (await overview().list(own)).filter(({ state }) => state === 'failed');
    expect([one?.message, two?.message].sort()).toEqual(['', 'entry "a" is damaged']);
  });

  test('are cancelled by their account, also from another process', async () => {
    const { id, progress, find, finish } = await begun('cancelled.tar');
    expect(await overview().cancel(id, { owner: 'account:3', seesAll: false })).toBe(false);
    expect(await overview().cancel(id, own)).toBe(true);
    expect((await find()).canBeCancelled).toBe(false);
    now += 10_000;
    await until(() => progress.signal.aborted);
    await finish();
    expect(await overview().cancel(id, own)).toBe(false);
  });

  test('are lost if their process has given no sign of life for a minute, and are forgotten later', async () => {
    await metadata.jobs.begin({
      id: 'lost',
      kind: 'upload',
      owner,
      subject: 'lost.tar',
      unit: 'bytes',
      total: null,
      startedAt: now,
    });
    now += 61_000;
    expect(await overview().find('lost', own)).toMatchObject({ state: 'lost', canBeCancelled: false });
    await metadata.jobs.forget(now);
    expect(await overview().find('lost', own)).toBeUndefined();
  });

  test('of the server are shown to admins only', async () => {
    const job = { id: 'sync:nightly', kind: 'sync', subject: 'a → b', startedAt: now } as unknown as JobStatus;
    const jobs = overviewWith({ sources: [() => Promise.resolve([job])] });
    expect(await jobs.find('sync:nightly', own)).toBeUndefined();
    expect(await jobs.find('sync:nightly', everything)).toBe(job);
    expect((await jobs.list(everything))[0]).toBe(job);
    expect(await jobs.list(own)).not.toContain(job);
  });

  describe('that are watched', () => {
    const watch = (id: string, after = '', changes: Partial<JobsOverviewOptions> = {}) =>
      overviewWith(changes).watch(id, own, { after, signal: never });
    const nextOf = async (events: ReturnType<typeof watch>): Promise<VersionedJob | undefined> => {
      for await (const event of { [Symbol.asyncIterator]: () => ({ next: () => events.next() }) })
        if (event !== 'unchanged') return event;
      return undefined;
    };

    test('are sent when they change, and a client that comes back gets only what is new', async () => {
      const { id, progress, finish } = await begun('watched.tar', 10);
      const events = watch(id);
      const first = await nextOf(events);
      expect(first?.job).toMatchObject({ done: 0 });
      await events.return(undefined);
      const resumed = watch(id, first?.version);
      progress.report(5);
      expect((await nextOf(resumed))?.job).toMatchObject({ done: 5 });
      await finish();
      expect((await nextOf(resumed))?.job).toMatchObject({ state: 'done' });
      expect(await nextOf(resumed)).toBeUndefined();
    });

    test('get a sign of life while nothing changes', async () => {
      const { id, finish } = await begun('silent.tar');
      const events = watch(id);
      await nextOf(events);
      expect((await events.next()).value).toBe('unchanged');
      await finish();
      await events.return(undefined);
    });

    test('end with the server, and an account watches at most ten at a time', async () => {
      const { id, finish } = await begun('many.tar');
      const jobs = overviewWith({ closing: closing.signal });
      const streams = Array.from({ length: 10 }, () => jobs.watch(id, own, { after: '', signal: never }));
      for (const stream of streams) await stream.next();
      await expect(jobs.watch(id, own, { after: '', signal: never }).next()).rejects.toMatchObject({ status: 429 });
      closing.abort();
      for (const stream of streams) expect(await stream.next()).toEqual({ done: true, value: undefined });
      await finish();
    });
  });
});

describe('the jobs of a server', () => {
  let berth: GuardedBerth;
  const api = apiOf(() => berth);
  beforeAll(async () => {
    berth = await startWithAlice();
    await berth.administration.createUser({ name: 'bob', password: 'wonderland', isAdmin: false });
  });
  afterAll(() => berth.close());

  const archive = ociArchive({ 'x/app:1': realImage({ random: randomBytes(100_000) }) });

  /** Sends half of an archive, and waits for its job. */
  async function half(): Promise<{ id: string; upload: ClientRequest; finish(): void }> {
    const { hostname, port } = new URL(berth.url);
    const headers = { ...alice, 'Content-Type': 'application/x-tar', 'Content-Length': archive.length };
    const upload = request({ hostname, port, method: 'POST', path: '/api/v1/archives?repository=alice/app', headers });
    upload.on('error', () => undefined);
    upload.write(archive.subarray(0, archive.length / 2));
    const running = async () =>
      ((await api('GET', '/jobs', undefined, alice)).json() as { items: JobStatus[] }).items.find(
        ({ state }) => state === 'running',
      );
    await until(async () => ((await running())?.done ?? 0) > 0);
    return { id: (await running())?.id ?? '', upload, finish: () => upload.end(archive.subarray(archive.length / 2)) };
  }

  function open(id: string, headers: Readonly<Record<string, string>>): Promise<IncomingMessage> {
    const { hostname, port } = new URL(berth.url);
    return new Promise((resolve, reject) => {
      const path = `/api/v1/jobs/${id}/events`;
      request({ hostname, port, path, headers }, resolve).on('error', reject).end();
    });
  }

  async function textOf(stream: IncomingMessage): Promise<string> {
    const chunks: Buffer[] = [];
    for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
    return Buffer.concat(chunks).toString();
  }

  test('an upload is followed by a stream of events until its end, by its account and admins only', async () => {
    const { id, finish } = await half();
    for (const path of [`/jobs/${id}`, `/jobs/${id}/events`]) {
      expect((await api('GET', path, undefined, basic('bob', 'wonderland'))).status).toBe(404);
      expect((await call(berth, 'GET', `/api/v1${path}`)).status).toBe(401);
    }
    expect((await api('GET', `/jobs/${id}`, undefined, admin)).json()).toMatchObject({ kind: 'upload', subject: 'alice/app' });
    const stream = await open(id, alice);
    expect(stream.headers).toMatchObject({ 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' });
    expect(stream.headers['cache-control']).toBe('no-store');
    finish();
    const text = await textOf(stream);
    const events = [...text.matchAll(/^id: (\S+)\ndata: (.*)\n$/gm)];
    const jobs = events.map(([, , data = '']) => JSON.parse(data) as JobStatus);
    expect(jobs[0]).toMatchObject({ state: 'running', total: archive.length });
    expect(jobs.at(-1)).toMatchObject({ state: 'done', done: archive.length, result: expect.stringMatching(/^\/ui\/upload\//) });
    const again = await open(id, { ...alice, 'Last-Event-ID': events.at(-1)?.[1] ?? '' });
    expect(await textOf(again)).toBe('retry: 2000\n\n');
  });

  test('a page without scripts shows the job, loads itself again while it runs, and cancels it', async () => {
    const { id, upload } = await half();
    const visitor = newVisitor(berth);
    await visitor.post('/ui/login', aliceUser);
    const page = await visitor.get(`/ui/jobs/${id}`);
    expect(page.text).toContain('<noscript><meta http-equiv="refresh" content="5" /></noscript>');
    expect(page.text).toContain('>running</span>');
    expect((await visitor.get('/ui/jobs')).text).toContain(`href="/ui/jobs/${id}">alice/app</a>`);
    expect((await visitor.post(`/ui/jobs/${id}/cancel`, {})).location).toBe(`/ui/jobs/${id}`);
    expect((await visitor.get(`/ui/jobs/${id}`)).text).toContain('The job is being cancelled.');
    upload.destroy();
    await until(async () => !(await visitor.get(`/ui/jobs/${id}`)).text.includes('>running<'));
    expect((await visitor.post(`/ui/jobs/${id}/cancel`, {})).status).toBe(303);
    const bob = newVisitor(berth);
    await bob.post('/ui/login', { name: 'bob', password: 'wonderland' });
    expect((await bob.get(`/ui/jobs/${id}`)).status).toBe(404);
  });

  test('streams end cleanly when the server shuts down', async () => {
    const { id, upload } = await half();
    const stream = await open(id, alice);
    const text = textOf(stream);
    const closed = berth.restart();
    expect(await text).toContain('"state":"running"');
    expect(stream.complete).toBe(true);
    upload.destroy();
    const restarted = await closed;
    const { metadata } = berth;
    const close = async () => {
      await metadata.close();
      await restarted.close();
    };
    berth = { ...berth, ...restarted, close };
  });
});
