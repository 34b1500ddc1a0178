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
import type { Digest } from '../../../src/oci/digest.ts';
import type { Tag } from '../../../src/oci/reference.ts';
import { createUpstreamWaits } from '../../../src/mirror/remote/upstream-waits.ts';
import { createFilesystemDriver } from '../../../storage/blobs/filesystem/filesystem-driver.ts';
import { createSqliteStore } from '../../../storage/metadata/sqlite/sqlite-store.ts';
import { Readable } from 'node:stream';
import type { IncomingMessage } from 'node:http';
import { plain } from '../../support/plain.ts';
import { descriptor, digestOf, newImage } from '../../support/images.ts';
import { gate, until } from '../../support/until.ts';

/** What the upstream does with a request; undefined: it answers. */
type Failure = UpstreamErrorCode | { readonly until: Promise<unknown>; readonly then?: UpstreamErrorCode } | undefined;

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
/** Manifests whose GET fails. */
let refused: Map<string, UpstreamErrorCode>;
/** How many clients have begun to wait, and how their waiting ends. */
let waiting: number;
let patience: { opened: Promise<unknown>; open(): void };
/** The tag in the store. */
let stateOf: (tag: string) => Promise<'there' | 'missing' | 'dropped'>;
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
  const manifestStore = createManifestStore({
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
    driver,
    metadata,
    remote,
    manifestStore,
    negativeCache: createNegativeCache(now),
    lock: noManifestLock,
    now,
    freshnessSeconds: () => 60,
    staleWhileRevalidateSeconds,
    negativeSeconds: 30,
    retrySeconds: 5,
    waits: createUpstreamWaits(1, (_seconds, signal) => {
      waiting++;
      return Promise.race([patience.opened, new Promise((_resolve, reject) => signal.addEventListener('abort', reject))]);
    }),
    onFetched: () => undefined,
  });
  stateOf = async (tag) => {
    const found = await plain(metadata).mirroredTags.find(repository, tag);
    if (!found) return 'dropped';
    return found.missingSince === null ? 'there' : 'missing';
  };
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
  const code = failure?.then ?? (method === 'GET' ? refused.get(reference) : undefined);
  if (code) throw new UpstreamError(code, code);
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
  refused = new Map();
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
    await until(() => requests.includes(`GET manifests/${moved}`));
    expect(waiting).toBe(1);
    patience.open();
    expect(await pending).toEqual([old, 'STALE']);
    rest.open();
    await until(async () => (await ask('1'))[0] === moved);
  });
});

describe('a tag that is pulled all the time', () => {
  const tenMinutes = 600_000;
  const count = (start: string) => requests.filter((one) => one.startsWith(start)).length;

  test('costs at most ten HEADs and no GET for 1,000 pulls in ten minutes', async () => {
    const digest = move('1');
    await ask('1');
    requests = [];
    for (let pull = 0; pull < 1000; pull++) {
      expect((await ask('1'))[0]).toBe(digest);
      time += tenMinutes / 1000;
    }
    expect([count('HEAD') <= 10, count('GET')]).toEqual([true, 0]);
  });

  test('costs one GET more when it moves, also while the upstream fails now and then', async () => {
    move('1');
    await ask('1');
    requests = [];
    const moved = move('1');
    for (let pull = 0; pull < 1000; pull++) {
      failures.HEAD = Math.floor(pull / 100) % 2 === 0 ? undefined : 'unreachable';
      await ask('1');
      time += tenMinutes / 1000;
    }
    failures.HEAD = undefined;
    expect((await ask('1'))[0]).toBe(moved);
    expect([count('HEAD') <= 10 + tenMinutes / 2 / 5000, count('GET')]).toEqual([true, 1]);
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

  test('makes clients wait once also where only the GET of a moved tag hangs, until the request is given up', async () => {
    const old = move('1');
    await ask('1');
    time += 61_000;
    move('1');
    const failure = gate();
    failures.GET = { until: failure.opened, then: 'timeout' };
    const pending = ask('1');
    await until(() => requests.length === 3);
    patience.open();
    expect(await pending).toEqual([old, 'STALE']);
    patience = gate();
    failure.open();
    await until(async () => {
      time += 5000;
      await ask('1');
      return requests.length > 3;
    });
    expect([await ask('1'), waiting]).toEqual([[old, 'STALE'], 1]);
  });

  test('is asked on in the background: its answer counts for the next request, with the manifest that it names', async () => {
    const old = move('1');
    await ask('1');
    time += 61_000;
    const moved = move('1');
    const rest = gate();
    failures.HEAD = { until: rest.opened };
    const pending = ask('1');
    await until(() => waiting === 1);
    patience.open();
    expect(await pending).toEqual([old, 'STALE']);
    rest.open();
    await until(() => requests.includes(`GET manifests/${moved}`));
    failures = { HEAD: 'unreachable', GET: 'unreachable' };
    await until(async () => (await ask('1'))[1] === 'HIT');
    expect(await ask('1')).toEqual([moved, 'HIT']);
  });

  test('and answers 404 at last is believed only when it says so again', async () => {
    const digest = move('1');
    await ask('1');
    tags.delete('1');
    for (const isDropped of [false, true]) {
      time += 61_000;
      const [rest, asked] = [gate(), requests.length];
      failures.HEAD = { until: rest.opened };
      patience = gate();
      const pending = ask('1');
      await until(() => requests.length > asked);
      patience.open();
      expect(await pending).toEqual([digest, 'STALE']);
      rest.open();
      failures.HEAD = undefined;
      await until(async () => (await stateOf('1')) === (isDropped ? 'dropped' : 'missing'));
    }
  });
});

describe('a tag that has moved to another index', () => {
  /** Points the tag at a new index of images for these platforms. */
  function moveIndex(tag: string, platforms: readonly string[]) {
    const images = platforms.map(() => newImage());
    for (const { digest, manifest } of images) manifests.set(digest, manifest);
    const entries = images.map(({ manifest }, place) => {
      const [os, architecture] = (platforms[place] ?? '').split('/');
      return { ...descriptor(manifest, mediaTypes.ociManifest), platform: { os, architecture } };
    });
    const index = JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: entries });
    manifests.set(digestOf(index), index);
    tags.set(tag, digestOf(index));
    return { digest: digestOf(index), children: images.map(({ digest }) => digest) };
  }
  const pull = (digest: string | undefined) => mirrored.get(source(), { digest: digest as Digest }, true);
  const platforms = ['linux/amd64', 'linux/arm64', 'windows/amd64', 'unknown/unknown'];
  let old: ReturnType<typeof moveIndex>;

  /** The tag's image for linux/amd64 and linux/arm64 is cached, and the tag is stale. */
  beforeEach(async () => {
    old = moveIndex('1', platforms);
    await ask('1');
    await Promise.all([pull(old.children[0]), pull(old.children[1]), pull(old.children[3])]);
    time += 61_000;
    requests = [];
  });

  test.each(['limited', 'unreachable', 'timeout', 'failed', 'busy', 'bad_content', 'login_refused'] as const)(
    'keeps the old image, which is whole, while the GET of a child is %s',
    async (code) => {
      const moved = moveIndex('1', platforms);
      refused.set(moved.children[1] ?? '', code);
      expect([await ask('1'), await ask('1', false)]).toEqual([
        [old.digest, 'STALE'],
        [old.digest, 'STALE'],
      ]);
      for (const child of old.children.slice(0, 2)) expect((await pull(child)).cache).toBe('HIT');
      await closeStores();
      await start();
      expect(await ask('1')).toEqual([old.digest, 'STALE']);
      refused.clear();
      time += 61_000;
      expect((await ask('1'))[0]).toBe(moved.digest);
      const calls = requests.length;
      for (const child of moved.children.slice(0, 2)) expect((await pull(child)).cache).toBe('HIT');
      expect(requests.length).toBe(calls);
    },
  );

  test('is fetched once, and of its children only those for platforms that were pulled', async () => {
    const moved = moveIndex('1', platforms);
    refused.set(moved.children[0] ?? '', 'limited');
    await ask('1');
    time += 6000;
    refused.clear();
    expect((await ask('1'))[0]).toBe(moved.digest);
    const times = (digest: string) => requests.filter((one) => one === `GET manifests/${digest}`).length;
    expect([moved.digest, ...moved.children].map(times)).toEqual([1, 2, 1, 0, 0]);
  });

  test('gets the new index where the upstream itself says that it does not have a child', async () => {
    const moved = moveIndex('1', platforms);
    manifests.delete(moved.children[1] ?? '');
    expect((await ask('1'))[0]).toBe(moved.digest);
    expect((await pull(moved.children[0])).cache).toBe('HIT');
  });

  test('gets the new manifest at once where it has none of the platforms that were pulled', async () => {
    const other = moveIndex('1', ['linux/s390x']);
    refused.set(other.children[0] ?? '', 'limited');
    expect((await ask('1'))[0]).toBe(other.digest);
    time += 61_000;
    const image = move('1');
    expect((await ask('1'))[0]).toBe(image);
    time += 61_000;
    const again = moveIndex('1', platforms);
    for (const child of again.children) refused.set(child, 'limited');
    expect((await ask('1'))[0]).toBe(again.digest);
  });

  test('keeps the old image also when another client has fetched the new index by its digest', async () => {
    const moved = moveIndex('1', platforms);
    await pull(moved.digest);
    refused.set(moved.children[0] ?? '', 'limited');
    expect(await ask('1')).toEqual([old.digest, 'STALE']);
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
