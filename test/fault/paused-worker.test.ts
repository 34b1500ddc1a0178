import { randomBytes } from 'node:crypto';
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { RepositoryName } from '../../src/oci/reference.ts';
import { blobKey, uploadKey } from '../../storage/blobs/layout.ts';
import { contentOf } from '../contract/blob-driver/fixtures.ts';
import { digestOf } from '../support/images.ts';
import { end } from '../support/run.ts';
import { type SharedUploads, openSharedUploads } from '../support/shared-uploads.ts';
import type { StopPoint } from '../support/stop-points.ts';
import type { WorkerTask } from '../support/stopping-worker.ts';
import { until } from '../support/until.ts';

const repository = 'app' as RepositoryName;

let directory: string;
let other: SharedUploads;
let worker: ChildProcessWithoutNullStreams;
/** The lines that the worker has printed. */
let printed: string[];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-paused-'));
  // To this process every lease of the worker is over.
  other = await openSharedUploads(directory, () => Date.now() + 60_000);
  const program = resolve(import.meta.dirname, '../support/stopping-worker.ts');
  worker = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program, directory]);
  let text = '';
  printed = [];
  for (const stream of [worker.stdout, worker.stderr]) {
    stream.on('data', (data: Buffer) => {
      text += data.toString();
      printed = text.split('\n').slice(0, -1);
    });
  }
  await until(() => printed.includes('ready'));
});
afterAll(async () => {
  await end(worker, 'SIGKILL');
  await other.close();
  await rm(directory, { recursive: true });
});

async function* body(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
}

interface Paused {
  readonly first: Buffer;
  readonly session: { readonly id: string; readonly repository: RepositoryName; readonly owner: string };
  /** Lets the worker go on; resolves to what became of its request. */
  goOn(): Promise<string>;
}

/** A session with one acknowledged chunk, in which the worker has stopped at the point of its next request. */
async function pausedAt(point: StopPoint, request: { bytes: Buffer; length?: number; finishes?: boolean }): Promise<Paused> {
  const id = await other.uploads.start(repository, 'sha256', '');
  const session = { id, repository, owner: '' };
  const first = randomBytes(1000);
  await other.uploads.append(session, { body: body(first) });
  const from = printed.length;
  const { bytes, length = bytes.length, finishes = false } = request;
  const task: WorkerTask = {
    id,
    stopAt: point,
    chunk: bytes.toString('base64'),
    length,
    digest: finishes ? digestOf(Buffer.concat([first, bytes])) : undefined,
  };
  worker.stdin.write(`${JSON.stringify(task)}\n`);
  await until(() => printed.length > from);
  expect(printed.at(-1)).toBe('stopped');
  return {
    first,
    session,
    async goOn() {
      worker.kill('SIGCONT');
      await until(() => printed.length > from + 1);
      return printed.at(-1) ?? '';
    },
  };
}

test.each<[StopPoint, string, { readonly announcesMore?: boolean; readonly finishes?: boolean }]>([
  ['after the file was renamed to its own name', 'PATCH', {}],
  ['before bytes are written', 'PATCH', {}],
  ['before the file is truncated', 'PATCH that is too short', { announcesMore: true }],
  ['before the file is marked as closed', 'PATCH', {}],
  ['before bytes are written', 'PUT', { finishes: true }],
  ['before the file is synced', 'PUT', { finishes: true }],
  ['after the file was synced', 'PUT', { finishes: true }],
])(
  'a worker that stops %s of a %s while another worker commits its upload does not change the blob',
  async (point, _request, { announcesMore = false, finishes = false }) => {
    const late = randomBytes(2000);
    const { first, session, goOn } = await pausedAt(point, {
      bytes: late,
      length: late.length + (announcesMore ? 1 : 0),
      finishes,
    });
    const kept = await other.uploads.status(session);
    const rest = randomBytes(3000);
    const size = await other.uploads.append(session, { body: body(rest) });
    const whole = Buffer.concat([first, late.subarray(0, kept - first.length), rest]);
    expect(size).toBe(whole.length);
    await other.uploads.finish(session, digestOf(whole));
    expect(await goOn()).toMatch(/^failed: /);
    const published = await contentOf(other.driver, blobKey(digestOf(whole)));
    expect(published.equals(whole)).toBe(true);
  },
);

test('a worker that stops before it takes over a file does not get it after another worker has committed it', async () => {
  const { first, session, goOn } = await pausedAt('before the file is renamed to its own name', { bytes: randomBytes(2000) });
  await other.uploads.finish(session, digestOf(first));
  await goOn();
  expect((await contentOf(other.driver, blobKey(digestOf(first)))).equals(first)).toBe(true);
});

test('a worker that stops after it has closed its file has finished its work', async () => {
  const late = randomBytes(2000);
  const { first, session, goOn } = await pausedAt('after the file was marked as closed', { bytes: late });
  const rest = randomBytes(3000);
  expect(await other.uploads.append(session, { body: body(rest) })).toBe(6000);
  expect(await goOn()).toBe('done');
  await other.uploads.finish(session, digestOf(Buffer.concat([first, late, rest])));
});

test('a worker that continues while another worker has the upload loses no byte that the other worker acknowledged', async () => {
  const late = randomBytes(2000);
  const { first, session, goOn } = await pausedAt('before bytes are written', { bytes: late });
  const rest = randomBytes(3000);
  expect(await other.uploads.append(session, { body: body(rest) })).toBe(4000);
  expect(await goOn()).toMatch(/another process has taken over the upload/);
  expect(await other.uploads.status(session)).toBe(4000);
  const whole = Buffer.concat([first, rest]);
  await other.uploads.finish(session, digestOf(whole));
  expect((await contentOf(other.driver, blobKey(digestOf(whole)))).equals(whole)).toBe(true);
});

test('a file is copied again when the process that took it over failed before its copy was complete', async () => {
  const { first, session, goOn } = await pausedAt('before bytes are written', { bytes: randomBytes(2000) });
  const assertHeld = () => {
    throw new Error('lost');
  };
  await expect(other.driver.openAppender(uploadKey(session.id), { resume: true, assertHeld })).rejects.toThrow('lost');
  const rest = randomBytes(500);
  expect(await other.uploads.append(session, { body: body(rest) })).toBe(1500);
  await goOn();
  await other.uploads.finish(session, digestOf(Buffer.concat([first, rest])));
});
