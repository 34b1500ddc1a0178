import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createNegativeCache } from '../../../src/mirror/remote/negative-cache.ts';
import { createManifestStore } from '../../../src/mirror/content/manifest-store.ts';
import { noManifestLock } from '../../../src/mirror/content/manifest-lock.ts';
import { type MirroredManifests, createMirroredManifests } from '../../../src/mirror/content/manifests.ts';
import { createRemoteManifests } from '../../../src/mirror/remote/remote-manifests.ts';
import type { MirroredRepository } from '../../../src/mirror/names/routing.ts';
import { UpstreamError, type UpstreamErrorCode } from '../../../src/mirror/upstream/upstream-error.ts';
import type { UpstreamRequest } from '../../../src/mirror/upstream/upstream-client.ts';
import { mediaTypes } from '../../../src/oci/media-types.ts';
import type { Tag } from '../../../src/oci/reference.ts';
import { createUpstreamWaits } from '../../../src/mirror/remote/upstream-waits.ts';
import { createFilesystemDriver } from '../../../storage/blobs/filesystem/filesystem-driver.ts';
import { createSqliteStore } from '../../../storage/metadata/sqlite/sqlite-store.ts';
import { Readable } from 'node:stream';
import type { IncomingMessage } from 'node:http';
import { digestOf, newImage } from '../../support/images.ts';
import { gate, until } from '../../support/until.ts';

/** What the upstream does with a request; undefined: it answers. */
type Failure = UpstreamErrorCode | { readonly until: Promise<unknown> } | undefined;

const repository = 'ghcr.io/o/i';
const source = (logins: readonly object[] = []) =>
  ({ repository, remoteName: 'o/i', upstream: { name: 'ghcr.io', logins } }) as unknown as MirroredRepository;
const withLogin = source([{ matches: () => true, source: { username: 'ci' } }]);

let directory: string;
let time: number;
let tags: Map<string, string>;
let manifests: Map<string, string>;
let requests: string[];
/** How the upstream fails, by method. */
let failures: { HEAD: Failure; GET: Failure };
/** How many clients have begun to wait, and how their waiting ends. */
let waiting: number;
let patience: { opened: Promise<unknown>; open(): void };
let closeStores: () => Promise<void>;
let mirrored: MirroredManifests;

/** A process over the folder's stores. */
async function start(staleWhileRevalidateSeconds = 0): Promise<void> {
  const driver = await createFilesystemDriver({ directory });
  const metadata = await createSqliteStore({ file: join(directory, 'metadata.sqlite') });
  const now = () => time;
  const remote = createRemoteManifests(
    () => ({ request }),
    16 * 1024 * 1024,
    () => undefined,
  );
  const kept = createManifestStore({
    driver,
    metadata,
    now,
    reserve: () => Promise.resolve(true),
    arriving: (_digest, work) => work(),
    events: {
      manifestNotStored(error) {
        throw error;
      },
    },
  });
  mirrored = createMirroredManifests({
    metadata,
    remote,
    kept,
    negativeCache: createNegativeCache(now),
    lock: noManifestLock,
    now,
    freshnessSeconds: () => 60,
    staleWhileRevalidateSeconds,
    negativeSeconds: 30,
    retrySeconds: 5,
    waits: createUpstreamWaits({
      pause(signal) {
        waiting++;
        return Promise.race([patience.opened, new Promise((_resolve, reject) => signal.addEventListener('abort', reject))]);
      },
    }),
    onFetched: () => undefined,
  });
  closeStores = async () => {
    await metadata.close();
    await driver.close();
  };
}

async function request({ method, path }: UpstreamRequest): Promise<IncomingMessage> {
  requests.push(`${method} ${path}`);
  const failure = failures[method];
  if (typeof failure === 'string') throw new UpstreamError(failure, failure);
  await failure?.until;
  const reference = path.replace('manifests/', '');
  const digest = reference.includes(':') ? reference : tags.get(reference);
  const manifest = manifests.get(digest ?? '');
  if (manifest === undefined) throw new UpstreamError('not_found', 'not found');
  const headers = {
    'content-type': mediaTypes.ociManifest,
    'content-length': String(Buffer.byteLength(manifest)),
    'docker-content-digest': digest,
  };
  return Object.assign(Readable.from(method === 'GET' ? [Buffer.from(manifest)] : []), {
    statusCode: 200,
    headers,
  }) as unknown as IncomingMessage;
}

/** Points the tag at a new manifest. */
function move(tag: string): string {
  const { manifest } = newImage();
  const digest = digestOf(manifest);
  manifests.set(digest, manifest);
  tags.set(tag, digest);
  return digest;
}

async function ask(tag: string, bodyWanted = true, from = source()) {
  const { digest, cache } = await mirrored.get(from, { tag: tag as Tag }, bodyWanted);
  return [digest, cache];
}

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-tags-'));
  time = 1_000_000;
  tags = new Map();
  manifests = new Map();
  requests = [];
  failures = { HEAD: undefined, GET: undefined };
  waiting = 0;
  patience = gate();
  await start();
});
afterEach(async () => {
  await closeStores();
  await rm(directory, { recursive: true });
});

describe('a tag that has moved', () => {
  test.each(['limited', 'unreachable', 'timeout', 'failed', 'busy', 'not_found', 'bad_content', 'denied'] as const)(
    'keeps its manifest for GET and HEAD while the GET of the new one is %s',
    async (code) => {
      const old = move('1');
      await ask('1');
      time += 61_000;
      const moved = move('1');
      failures.GET = code;
      expect([await ask('1'), await ask('1', false)]).toEqual([
        [old, 'STALE'],
        [old, 'STALE'],
      ]);
      failures.GET = undefined;
      time += 61_000;
      expect(await ask('1')).toEqual([moved, 'MISS']);
      expect(await ask('1')).toEqual([moved, 'HIT']);
    },
  );

  test('keeps its manifest after a restart, while the upstream limits or is gone', async () => {
    const old = move('1');
    await ask('1');
    time += 61_000;
    move('1');
    failures.GET = 'limited';
    await ask('1');
    await closeStores();
    await start();
    expect([await ask('1'), await ask('1', false)]).toEqual([
      [old, 'STALE'],
      [old, 'STALE'],
    ]);
    time += 600_000;
    failures.HEAD = 'unreachable';
    expect(await ask('1')).toEqual([old, 'STALE']);
  });

  test('is not asked for again before the retry time', async () => {
    move('1');
    await ask('1');
    time += 61_000;
    move('1');
    failures.GET = 'limited';
    await ask('1');
    const before = requests.length;
    await ask('1');
    expect(requests.length).toBe(before);
    time += 5000;
    await ask('1');
    expect(requests.length).toBe(before + 1);
  });

  test('is told to a HEAD only once its manifest is here', async () => {
    move('1');
    await ask('1');
    time += 61_000;
    const moved = move('1');
    expect(await ask('1', false)).toEqual([moved, 'MISS']);
    failures.GET = 'unreachable';
    expect(await ask('1')).toEqual([moved, 'HIT']);
  });

  test('keeps its manifest while the GET hangs, and gets the new one when that has come', async () => {
    const old = move('1');
    await ask('1');
    time += 61_000;
    const moved = move('1');
    const rest = gate();
    failures.GET = { until: rest.opened };
    const pending = ask('1');
    await until(() => waiting === 2);
    patience.open();
    expect(await pending).toEqual([old, 'STALE']);
    rest.open();
    await until(async () => (await ask('1'))[0] === moved);
  });
});

describe('an upstream that hangs', () => {
  test('makes clients wait once, not once for each tag', async () => {
    const digests = ['a', 'b', 'c'].map(move);
    for (const tag of ['a', 'b', 'c']) await ask(tag);
    time += 61_000;
    const rest = gate();
    failures.HEAD = { until: rest.opened };
    const first = ask('a');
    await until(() => waiting === 1);
    patience.open();
    await first;
    patience = gate();
    expect([await ask('b'), await ask('c'), await ask('b')]).toEqual([
      [digests[1], 'STALE'],
      [digests[2], 'STALE'],
      [digests[1], 'STALE'],
    ]);
    expect([waiting, requests.filter((one) => one.startsWith('HEAD')).length]).toEqual([1, 3]);
    rest.open();
    failures.HEAD = undefined;
    await until(async () => (await ask('c'))[1] === 'HIT');
  });
});

describe('stale while revalidate', () => {
  test('serves the tag at once and checks it for the next request', async () => {
    await closeStores();
    await start(600);
    const old = move('1');
    await ask('1');
    time += 61_000;
    const moved = move('1');
    expect(await ask('1')).toEqual([old, 'STALE']);
    await until(async () => (await ask('1'))[0] === moved);
    time += 661_000;
    expect(await ask('1')).toEqual([moved, 'REVALIDATED']);
  });
});

describe('a tag that the upstream denies having', () => {
  test('is dropped only when the upstream says so a second time, not by the negative cache', async () => {
    const digest = move('1');
    await ask('1');
    time += 61_000;
    tags.delete('1');
    expect(await ask('1')).toEqual([digest, 'STALE']);
    tags.set('1', digest);
    time += 61_000;
    expect(await ask('1')).toEqual([digest, 'REVALIDATED']);
    tags.delete('1');
    time += 60_000;
    expect(await ask('1')).toEqual([digest, 'STALE']);
    time += 60_000;
    await expect(ask('1')).rejects.toMatchObject({ code: 'not_found' });
  });

  test('is kept and served stale where the login is refused, however often', async () => {
    const digest = move('1');
    await ask('1', true, withLogin);
    failures.HEAD = 'denied';
    for (let times = 0; times < 4; times++) {
      time += 61_000;
      expect(await ask('1', true, withLogin)).toEqual([digest, 'STALE']);
    }
    failures.HEAD = undefined;
    time += 61_000;
    expect(await ask('1', true, withLogin)).toEqual([digest, 'REVALIDATED']);
  });

  test('is asked for again 30 seconds after a 404, by tag and by digest', async () => {
    const { manifest } = newImage();
    const digest = digestOf(manifest);
    const byDigest = () => mirrored.get(source(), { digest: digest as `sha256:${string}` } as never, true);
    await expect(ask('1')).rejects.toMatchObject({ code: 'not_found' });
    await expect(byDigest()).rejects.toMatchObject({ code: 'not_found' });
    manifests.set(digest, manifest);
    tags.set('1', digest);
    time += 29_000;
    await expect(ask('1')).rejects.toMatchObject({ code: 'not_found' });
    await expect(byDigest()).rejects.toMatchObject({ code: 'not_found' });
    time += 1000;
    expect([(await byDigest()).cache, (await ask('1'))[0]]).toEqual(['MISS', digest]);
  });
});
